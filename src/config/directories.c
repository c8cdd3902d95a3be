#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/paths.h"
#include "base/space.h"
#include "config/private.h"

static bool make_directory(const char *path)
{
	/* Looking first: thousands of nodes that ask one server to make what is there would be writing to it. */
	if (access(path, F_OK) == 0)
		return true;
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return true;
	_cleanup_error_ struct error ignored = ERROR_INIT;
	return errno == ENOENT && path_make_dirs(path, 0700, &ignored) == 0;
}

/* The default may be another user's /run/enroot: existing is not enough. */
static void make_runtime(struct settings *s)
{
	struct value *v = &s->values[SETTING_RUNTIME_PATH];
	bool made = make_directory(v->text);
	if (v->source != SETTING_FROM_DEFAULT || (made && access(v->text, R_OK | W_OK | X_OK) == 0))
		return;
	char *fallback = xasprintf("%s/enroot-runtime-%u", environment_or("TMPDIR", "/tmp"), geteuid());
	free(v->text);
	v->text = fallback;
	s->runtime_is_fallback = true;
	make_directory(fallback);
}

void settings_make_directories(struct settings *s)
{
	static const enum setting keys[] = { SETTING_CACHE_PATH, SETTING_DATA_PATH };
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *path = settings_get(s, keys[i]);
		if (path != NULL)
			make_directory(path);
	}
	if (settings_get(s, SETTING_RUNTIME_PATH) != NULL)
		make_runtime(s);
}

int settings_need_directory(const struct settings *s, enum setting key, struct error *err)
{
	const char *path = settings_get(s, key);
	if (path == NULL)
		return error_set(err, EINVAL, "%s is not set", setting_name(key));
	bool is_private = key == SETTING_RUNTIME_PATH && s->runtime_is_fallback;
	struct stat st;
	if ((is_private ? lstat(path, &st) : stat(path, &st)) < 0) {
		if (path_make_dirs(path, 0700, err) < 0) {
			(void)space_hint(path, 0, setting_name(key), err);
			return error_hint(err, "set %s to a directory of yours", setting_name(key));
		}
		return is_private && lstat(path, &st) < 0 ? error_errno(err, "cannot use %s", path) : 0;
	}
	if (!S_ISDIR(st.st_mode))
		return error_set(err, ENOTDIR, "cannot use %s: Not a directory", path);
	if (is_private && (st.st_uid != geteuid() || (st.st_mode & 077) != 0)) {
		error_set(err, EPERM, "cannot use %s: it is not the caller's alone", path);
		return error_hint(err, "remove it, or set %s", setting_name(key));
	}
	return 0;
}
