#include "sandbox/root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "sandbox/mount.h"

#define LOCK_FILE ".lock"

static char *descriptor_path(int fd)
{
	char link[64], target[PATH_MAX];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, target, sizeof(target));
	return n > 0 && target[0] == '/' && n < (ssize_t)sizeof(target) ? xstrndup(target, (size_t)n) : NULL;
}

/* Linux 5.12 and later: the flags are there before anyone can see the mount. */
static int bind_detached(int dir)
{
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
	_cleanup_close_ int tree = open_tree(dir, "", flags);
	if (tree < 0 && errno == EINVAL)
		tree = open_tree(dir, "", flags | AT_RECURSIVE);
	if (tree < 0)
		return -1;
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
		.propagation = MS_SLAVE,
	};
	if (mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return -1;
	if (move_mount(tree, "", dir, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return -1;
	return steal_fd(&tree);
}

static int bind_by_mount(int dir, const char *real, struct error *err)
{
	if (mount_bind_fd(dir, dir, MS_NOSUID | MS_NODEV, err) < 0) {
		if (err->code != EINVAL)
			return -1;
		error_clear(err);
		if (mount_bind_fd(dir, dir, MS_NOSUID | MS_NODEV | MS_REC, err) < 0)
			return -1;
	}
	int fd = open(real, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "cannot open %s", real);
	if (mount_set_propagation(fd, MS_SLAVE, err) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int root_bind(const char *path, char **real, struct error *err)
{
	_cleanup_close_ int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return error_errno(err, "cannot open %s", path);
	_cleanup_free_ char *name = descriptor_path(dir);
	if (name == NULL)
		return error_errno(err, "cannot read /proc/self/fd");

	int root = bind_detached(dir);
	/* EPERM: seccomp filters that do not know the calls. */
	if (root < 0 && errno != ENOSYS && errno != EPERM)
		return error_errno(err, "cannot mount %s", path);
	if (root < 0)
		root = bind_by_mount(dir, name, err);
	if (root >= 0)
		*real = steal_pointer(&name);
	return root;
}

bool root_is_writable(int root)
{
	return fd_may_access(root, ".", W_OK);
}

bool root_is_marked(int root)
{
	struct stat st;
	return fstatat(root, LOCK_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

int root_mark(int root, struct error *err)
{
	_cleanup_close_ int fd =
		openat(root, LOCK_FILE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0 && errno != EEXIST)
		return error_errno(err, "cannot create /%s in the root filesystem", LOCK_FILE);
	return 0;
}

/* NAME at the top of ROOT, if it is of TYPE, becomes a read-only mount of itself. */
static int protect(int root, const char *name, mode_t type, struct error *err)
{
	_cleanup_close_ int fd = openat(root, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0 || (st.st_mode & S_IFMT) != type)
		return 0;
	if (mount_bind_fd(fd, fd, MS_RDONLY | MS_NOSUID | MS_NODEV, err) < 0)
		return error_prefix(err, "/%s", name);
	return 0;
}

int root_seal(int root, bool writable, struct error *err)
{
	if (!writable)
		return mount_set_flags(root, MS_RDONLY, 0, err);
	if (protect(root, LOCK_FILE, S_IFREG, err) < 0)
		return -1;
	return protect(root, ".enroot", S_IFDIR, err);
}

/* pivot_root(2) refuses where the host's root is the initial ramfs. What is mounted over "/" hides it. */
static int move_over_root(struct error *err)
{
	if (mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0)
		return error_errno(err, "failed to change the root directory");
	return 0;
}

static uint64_t mount_id(int fd)
{
	struct statx st;
	return statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) == 0 && (st.stx_mask & STATX_MNT_ID)
		       ? st.stx_mnt_id
		       : 0;
}

/* A ".." of the root directory goes nowhere, but to the top of what is mounted there. */
static bool is_covered(int root)
{
	_cleanup_close_ int top = open("/..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return top >= 0 && mount_id(top) != mount_id(root);
}

/* The old root lies on top of the new one; and what had been mounted on it (scratch.c), on top of that. */
static int detach_old_root(int root)
{
	do {
		if (umount2(".", MNT_DETACH) < 0)
			return -1;
	} while (is_covered(root));
	return 0;
}

int root_pivot(int root, struct error *err)
{
	bool is_covering = false;
	if (fchdir(root) < 0)
		return error_errno(err, "failed to change directory to the root filesystem");
	if (syscall(SYS_pivot_root, ".", ".") < 0) {
		if (errno != EINVAL)
			return error_errno(err, "failed to pivot to the root filesystem");
		if (move_over_root(err) < 0)
			return -1;
		is_covering = true;
	} else if (detach_old_root(root) < 0) {
		return error_errno(err, "failed to detach the host's filesystems");
	}
	if (chdir("/") < 0)
		return error_errno(err, "failed to change directory to /");
	return is_covering;
}
