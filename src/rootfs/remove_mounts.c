/* rootfs/remove_mounts.c - what must not be removed because something is mounted there */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "rootfs/remove.h"

/* Undo the octal escapes of /proc/self/mountinfo: proc(5). */
static void unescape(char *s)
{
	char *out = s;
	for (; *s != '\0'; out++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] != '\0' && s[3] != '\0') {
			*out = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*out = *s++;
		}
	}
	*out = '\0';
}

/* The fifth field of a line: the mount point. */
static char *mount_point(char *line)
{
	char *field = line;
	for (int i = 0; i < 4 && field != NULL; i++) {
		field = strchr(field, ' ');
		if (field != NULL)
			field++;
	}
	if (field == NULL)
		return NULL;
	field[strcspn(field, " \n")] = '\0';
	unescape(field);
	return field;
}

static bool is_at_or_below(const char *path, const char *top)
{
	size_t len = strlen(top);
	return strncmp(path, top, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

int remove_check_mounts(const char *path, struct error *err)
{
	_cleanup_close_ int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char proc[64], real[PATH_MAX];
	if (fd < 0)
		return errno == ENOENT ? 0 : error_errno(err, "cannot open %s", path);
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	ssize_t len = readlink(proc, real, sizeof(real) - 1);
	_cleanup_fclose_ FILE *mounts = fopen("/proc/self/mountinfo", "re");
	if (len < 0 || mounts == NULL)
		return error_errno(err, "cannot see what is mounted below %s", path);
	real[len] = '\0';
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	while (getline(&line, &size, mounts) > 0) {
		const char *point = mount_point(line);
		if (point == NULL || !is_at_or_below(point, real))
			continue;
		errno = EBUSY;
		error_errno(err, "%s is mounted, %s is not removed", point, path);
		return error_hint(err, "unmount it first");
	}
	return 0;
}
