#include "rootfs/remove.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/str.h"

#define MAX_LEVELS 64 /* directories open at once; what is deeper is moved up to the top first */
#define MAX_SWEEPS 16 /* over one directory in which something remains */

struct level {
	DIR *stream;
	char *name;      /* owned: in the level above */
	unsigned sweeps; /* without anything moved up in between */
	uint64_t moved;
};

struct removal {
	const char *path;
	bool interruptible;
	uint64_t dev, mount; /* of the top */
	bool has_mount;
	uint64_t moved; /* directories moved up */
	unsigned depth; /* levels open */
	struct level levels[MAX_LEVELS];
};

static int fail(struct removal *x, const char *name, const char *what, struct error *err)
{
	int code = errno;
	_cleanup_buffer_ struct buffer path = BUFFER_INIT;
	buffer_puts(&path, x->path);
	for (unsigned i = 1; i < x->depth; i++)
		buffer_printf(&path, "/%s", x->levels[i].name);
	if (name != NULL)
		buffer_printf(&path, "/%s", name);
	errno = code;
	return error_errno(err, "cannot %s %s", what, path.data);
}

/* Make a directory that is closed to its owner readable to him; the descriptor cannot be another than was looked at. */
static void reopen_to_owner(int dir, const char *name)
{
	_cleanup_close_ int fd = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char proc[64];
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	if (fd >= 0)
		(void)chmod(proc, S_IRWXU);
}

static int open_dir(int dir, const char *name)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(dir, name, flags);
	if (fd >= 0 || errno != EACCES)
		return fd;
	reopen_to_owner(dir, name);
	return openat(dir, name, flags);
}

/* Is the directory FD on the mount of the top? Its owner's rights are repaired on the way. */
static int check_dir(struct removal *x, int fd, const char *name, struct error *err)
{
	struct statx st;
	unsigned mask = STATX_MODE | STATX_TYPE | STATX_UID | STATX_MNT_ID;
	if (statx(fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, mask, &st) < 0)
		return fail(x, name, "look at", err);
	uint64_t dev = makedev(st.stx_dev_major, st.stx_dev_minor);
	bool has_mount = (st.stx_mask & STATX_MNT_ID) != 0;
	if (x->depth == 0) {
		x->dev = dev;
		x->mount = st.stx_mnt_id;
		x->has_mount = has_mount;
	} else if (dev != x->dev || (has_mount && x->has_mount && st.stx_mnt_id != x->mount)) {
		errno = EBUSY;
		return fail(x, name, "remove what is mounted at", err);
	}
	if ((st.stx_mode & S_IRWXU) != S_IRWXU)
		(void)fchmod(fd, (st.stx_mode & 07777) | S_IRWXU);
	return 0;
}

static int top_fd(const struct removal *x)
{
	return dirfd(x->levels[0].stream);
}

/* Go into the directory NAME of the last level (or DIR, for the top). */
static int enter(struct removal *x, int dir, const char *name, struct error *err)
{
	_cleanup_close_ int fd = open_dir(dir, name);
	if (fd < 0)
		return errno == ENOENT && x->depth != 0 ? 0 : fail(x, name, "open", err);
	if (check_dir(x, fd, x->depth == 0 ? NULL : name, err) < 0)
		return -1;
	if (x->depth == MAX_LEVELS) {
		_cleanup_free_ char *up = xasprintf(".enroot-deep-%" PRIu64, x->moved++);
		if (renameat(dir, name, top_fd(x), up) < 0)
			return fail(x, name, "move", err);
		return 0;
	}
	DIR *stream = fdopendir(fd);
	if (stream == NULL)
		return fail(x, name, "list", err);
	steal_fd(&fd);
	x->levels[x->depth++] = (struct level){ .stream = stream, .name = xstrdup(name) };
	return 0;
}

static void leave(struct removal *x)
{
	struct level *l = &x->levels[--x->depth];
	closedir(l->stream);
	free(l->name);
}

/* Everything in the last level is gone, as far as its listing said: remove it, or sweep once more. */
static int finish_level(struct removal *x, int dir, struct error *err)
{
	struct level *l = &x->levels[x->depth - 1];
	int parent = x->depth > 1 ? dirfd(x->levels[x->depth - 2].stream) : dir;
	if (unlinkat(parent, l->name, AT_REMOVEDIR) == 0 || errno == ENOENT) {
		leave(x);
		return 0;
	}
	/* Moved up, or skipped by a listing that changed under way. */
	bool again = errno == ENOTEMPTY || errno == EEXIST;
	if (l->moved != x->moved)
		l->sweeps = 0;
	l->moved = x->moved;
	if (!again || ++l->sweeps > MAX_SWEEPS)
		return fail(x, NULL, "remove", err);
	rewinddir(l->stream);
	return 0;
}

static bool is_dots(const char *name)
{
	return str_eq(name, ".") || str_eq(name, "..");
}

static int remove_entry(struct removal *x, const struct dirent *e, struct error *err)
{
	int dir = dirfd(x->levels[x->depth - 1].stream);
	if (is_dots(e->d_name))
		return 0;
	if (e->d_type != DT_DIR) {
		if (unlinkat(dir, e->d_name, 0) == 0 || errno == ENOENT)
			return 0;
		if (errno != EISDIR)
			return fail(x, e->d_name, "remove", err);
	}
	return enter(x, dir, e->d_name, err);
}

static int run(struct removal *x, int dir, struct error *err)
{
	while (x->depth > 0) {
		if (x->interruptible && interrupt_check(err) < 0)
			return -1;
		errno = 0;
		const struct dirent *e = readdir(x->levels[x->depth - 1].stream);
		if (e == NULL && errno != 0)
			return fail(x, NULL, "list", err);
		if ((e == NULL ? finish_level(x, dir, err) : remove_entry(x, e, err)) < 0)
			return -1;
	}
	return 0;
}

int remove_tree(int dir, const char *name, const char *path, bool interruptible, struct error *err)
{
	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR)
		return error_errno(err, "cannot remove %s", path);
	struct removal x = { .path = path, .interruptible = interruptible };
	int r = enter(&x, dir, name, err) < 0 ? -1 : run(&x, dir, err);
	while (x.depth > 0)
		leave(&x);
	return r;
}

int remove_for_scratch(int dir, const char *name, const char *path, struct error *err)
{
	return remove_tree(dir, name, path, false, err);
}

/* ---- what is mounted ---- */

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
