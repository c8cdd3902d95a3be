#include "base/space.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/memory.h"
#include "base/str.h"

/* DIR becomes the nearest parent that exists. */
static int free_bytes(char *dir, uint64_t *bytes)
{
	struct statvfs fs;
	char *slash;
	while (statvfs(dir, &fs) < 0) {
		if ((slash = strrchr(dir, '/')) == NULL || slash == dir)
			return -1;
		*slash = '\0';
	}
	*bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	return 0;
}

int space_hint(const char *dir, uint64_t need, const char *setting, struct error *err)
{
	if (err->code != ENOSPC && err->code != EDQUOT)
		return -1;
	uint64_t bytes;
	_cleanup_free_ char *place = xstrdup(dir);
	_cleanup_free_ char *needed =
		need != 0 ? xasprintf("about %s are needed, ", str_bytes(need)) : xstrdup("");
	_cleanup_free_ char *remedy =
		setting != NULL ? xasprintf("make room, or set %s", setting) : xstrdup("make room");
	if (free_bytes(place, &bytes) < 0)
		return error_hint(err, "%s%s", needed, remedy);
	return error_hint(err, "%s%s are free in %s%s; %s", needed, str_bytes(bytes), place,
		err->code == EDQUOT ? ", but not for you" : "", remedy);
}

int space_hint_beside(const char *path, uint64_t need, const char *setting, struct error *err)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *dir = slash == NULL   ? xstrdup(".")
				   : slash == path ? xstrdup("/")
						   : xstrndup(path, (size_t)(slash - path));
	return space_hint(dir, need, setting, err);
}
