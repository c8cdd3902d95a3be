#include "rootfs/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"
#include "rootfs/walk.h"

#define OPENAT2_TRIES 8
#define MKDIRS_TRIES  3

static int sys_openat2(int dir, const char *path, int flags, uint64_t resolve)
{
	struct open_how how = { .flags = (uint64_t)(flags | O_CLOEXEC), .resolve = resolve };
	return (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

/* openat2(2) would clamp a ".." above the root; users rely on the refusal. */
static bool climbs_out(const char *path)
{
	int depth = 0;
	while (*path != '\0') {
		path += strspn(path, "/");
		size_t len = strcspn(path, "/");
		if (len == 2 && path[0] == '.' && path[1] == '.')
			depth--;
		else if (len != 0 && !(len == 1 && *path == '.'))
			depth++;
		if (depth < 0)
			return true;
		path += len;
	}
	return false;
}

static int refuse_climbing(const char *path, struct error *err)
{
	if (!climbs_out(path))
		return 0;
	errno = EXDEV;
	return error_errno(err, "%s leads out of the root filesystem", path);
}

static int open_in_root(int root, const char *path, int flags)
{
	for (int i = 0; i < OPENAT2_TRIES; i++) {
		int fd = sys_openat2(root, path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
		/* EAGAIN: something was renamed while a ".." was resolved. */
		if (fd >= 0 || errno != EAGAIN)
			return fd;
	}
	return -1;
}

int resolve_open(int root, const char *path, int flags, struct error *err)
{
	if (refuse_climbing(path, err) < 0)
		return -1;
	int fd = open_in_root(root, path, flags);
	/* ENOSYS: before Linux 5.6. EPERM: seccomp filters that do not know the call. */
	if (fd < 0 && (errno == ENOSYS || errno == EPERM || errno == EAGAIN))
		fd = walk_open(root, path, flags);
	if (fd < 0)
		return error_errno(err, "cannot open %s in the root filesystem", path);
	return fd;
}

int resolve_parent(int root, const char *path, char **name, struct error *err)
{
	*name = NULL;
	if (refuse_climbing(path, err) < 0)
		return -1;
	const struct walk_goal goal = { .to_parent = true };
	struct walk_result result;
	if (walk_resolve(root, path, &goal, &result) < 0)
		return error_errno(err, "cannot open the directory of %s in the root filesystem", path);
	if (result.name == NULL) {
		close(result.dir);
		errno = EINVAL;
		return error_errno(err, "%s has no name in the root filesystem", path);
	}
	*name = result.name;
	return result.dir;
}

static int make_dirs(int root, const char *path, mode_t mode)
{
	const struct walk_goal goal = { .make_dirs = true };
	struct walk_result result;
	if (walk_resolve(root, path, &goal, &result) < 0)
		return -1;
	if (result.name == NULL)
		return result.dir;
	_cleanup_close_ int dir = result.dir;
	_cleanup_free_ char *name = result.name;
	return walk_mkdir(dir, name, mode);
}

int resolve_mkdirs(int root, const char *path, mode_t mode, struct error *err)
{
	if (refuse_climbing(path, err) < 0)
		return -1;
	int fd = -1;
	/* Others may make or swap directories at the same time: a symlink that just appeared is walked again. */
	for (int i = 0; i < MKDIRS_TRIES; i++) {
		fd = make_dirs(root, path, mode);
		if (fd >= 0 || (errno != ENOTDIR && errno != ELOOP))
			break;
	}
	if (fd < 0)
		return error_errno(err, "cannot create the directory %s in the root filesystem", path);
	return fd;
}

static int create_at(int dir, const char *name, mode_t mode)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	struct stat st;
	if (fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & 07777) != mode)
		(void)fchmod(fd, mode); /* the umask */
	return fd;
}

int resolve_create_file(int root, const char *path, mode_t mode, struct error *err)
{
	if (refuse_climbing(path, err) < 0)
		return -1;
	const struct walk_goal goal = { .make_dirs = true };
	struct walk_result result;
	int fd = -1;
	if (walk_resolve(root, path, &goal, &result) == 0) {
		_cleanup_close_ int dir = result.dir;
		_cleanup_free_ char *name = result.name;
		if (name == NULL || result.must_be_directory)
			errno = EISDIR;
		else
			fd = create_at(dir, name, mode);
	}
	if (fd < 0)
		return error_errno(err, "cannot create %s in the root filesystem", path);
	return fd;
}
