#include "sandbox/mount-calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/memory.h"

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

#define ATIME_FLAGS ((unsigned long)(MS_NOATIME | MS_RELATIME | MS_STRICTATIME | MS_NODIRATIME))
#define MOUNT_FLAGS (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOSYMFOLLOW | ATIME_FLAGS)

struct proc_path {
	char text[32];
};

/* A path that names exactly what FD is: the kernel jumps there, it does not walk. */
static struct proc_path proc_path(int fd)
{
	struct proc_path p;
	snprintf(p.text, sizeof(p.text), "/proc/self/fd/%d", fd);
	return p;
}

/* Not there (before Linux 5.2 and 5.12), or refused by a seccomp filter that does not know it. */
static bool is_missing(int error)
{
	return error == ENOSYS || error == EPERM;
}

/*
 * The top of what mount(2) put on TARGET. A descriptor of what is under a mount cannot cross it, so this goes by
 * the path, and checks that it came to the very thing that was bound.
 */
static int reopen(int target, const struct stat *source)
{
	struct proc_path p = proc_path(target);
	char path[4096];
	ssize_t n = readlink(p.text, path, sizeof(path) - 1);
	if (n < 0)
		return -1;
	path[n] = '\0';
	_cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (st.st_dev != source->st_dev || st.st_ino != source->st_ino) {
		errno = ESTALE;
		return -1;
	}
	return steal_fd(&fd);
}

static int old_bind(const char *path, int fd, int target, unsigned long flags)
{
	struct proc_path from = proc_path(fd), to = proc_path(target);
	const char *source = path != NULL ? path : from.text;
	struct stat st;
	if (stat(source, &st) < 0 || mount(source, to.text, NULL, MS_BIND | (flags & MS_REC), NULL) < 0)
		return -1;
	return reopen(target, &st);
}

int call_bind(const char *path, int fd, int target, unsigned long flags)
{
	unsigned how = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | ((flags & MS_REC) != 0 ? AT_RECURSIVE : 0);
	_cleanup_close_ int tree =
		path != NULL ? open_tree(AT_FDCWD, path, how) : open_tree(fd, "", how | AT_EMPTY_PATH);
	if (tree < 0)
		return is_missing(errno) ? old_bind(path, fd, target, flags) : -1;
	if (move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return -1;
	return steal_fd(&tree);
}

int call_move(const char *path, int fd, int target)
{
	unsigned how =
		MOVE_MOUNT_T_EMPTY_PATH | (path != NULL ? MOVE_MOUNT_F_SYMLINKS : MOVE_MOUNT_F_EMPTY_PATH);
	int r = move_mount(path != NULL ? AT_FDCWD : fd, path != NULL ? path : "", target, "", how);
	if (r == 0 || !is_missing(errno))
		return r;
	struct proc_path from = proc_path(fd), to = proc_path(target);
	return mount(path != NULL ? path : from.text, to.text, NULL, MS_MOVE, NULL);
}

int call_mount(const char *source, int target, const char *type, unsigned long flags, const char *data)
{
	struct proc_path to = proc_path(target);
	return mount(source, to.text, type, flags, data);
}

/* The flags that a mount has now, as MS_*: those may be locked. */
static unsigned long current_flags(int fd)
{
	static const struct {
		unsigned long st, ms;
	} pairs[] = {
		{ ST_RDONLY, MS_RDONLY },
		{ ST_NOSUID, MS_NOSUID },
		{ ST_NODEV, MS_NODEV },
		{ ST_NOEXEC, MS_NOEXEC },
		{ ST_NOATIME, MS_NOATIME },
		{ ST_NODIRATIME, MS_NODIRATIME },
		{ ST_RELATIME, MS_RELATIME },
	};
	struct statvfs st;
	unsigned long flags = 0;
	if (fstatvfs(fd, &st) < 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		flags |= (st.f_flag & pairs[i].st) != 0 ? pairs[i].ms : 0;
	return flags;
}

int call_remount(int fd, unsigned long flags, const char *data)
{
	struct proc_path p = proc_path(fd);
	if (mount(NULL, p.text, NULL, MS_REMOUNT | flags, data) == 0)
		return 0;
	if (errno != EPERM)
		return -1;
	return mount(NULL, p.text, NULL, MS_REMOUNT | flags | current_flags(fd), data);
}

/* mount(2) sets all flags anew, and fails unless the locked ones are repeated. */
static int old_set_flags(int fd, unsigned long set, unsigned long clear)
{
	struct proc_path p = proc_path(fd);
	unsigned long now = current_flags(fd), atime = now & ATIME_FLAGS;
	if ((set & ATIME_FLAGS) == 0)
		set |= atime & ~clear;
	unsigned long want = set | (now & ~clear & ~ATIME_FLAGS);
	const unsigned long attempts[] = { want, (want & ~ATIME_FLAGS) | atime, (want & ~ATIME_FLAGS) | now };
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++) {
		if (mount(NULL, p.text, NULL, MS_REMOUNT | MS_BIND | attempts[i], NULL) == 0)
			return 0;
		if (errno != EPERM)
			return -1;
	}
	return -1;
}

static __u64 attributes(unsigned long flags)
{
	static const struct {
		unsigned long ms;
		__u64 attr;
	} pairs[] = {
		{ MS_RDONLY, MOUNT_ATTR_RDONLY },
		{ MS_NOSUID, MOUNT_ATTR_NOSUID },
		{ MS_NODEV, MOUNT_ATTR_NODEV },
		{ MS_NOEXEC, MOUNT_ATTR_NOEXEC },
		{ MS_NODIRATIME, MOUNT_ATTR_NODIRATIME },
		{ MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW },
	};
	__u64 attr = 0;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		attr |= (flags & pairs[i].ms) != 0 ? pairs[i].attr : 0;
	return attr;
}

/* Add the atime kind: a number of its own in mount_setattr(2), which is set as a whole. */
static void set_atime(struct mount_attr *attr, unsigned long set, unsigned long clear)
{
	if ((set & (MS_NOATIME | MS_RELATIME | MS_STRICTATIME)) == 0 && (clear & MS_NOATIME) == 0)
		return;
	attr->attr_clr |= MOUNT_ATTR__ATIME;
	if ((set & MS_STRICTATIME) != 0)
		attr->attr_set |= MOUNT_ATTR_STRICTATIME;
	else if ((set & MS_NOATIME) != 0)
		attr->attr_set |= MOUNT_ATTR_NOATIME;
}

/* What the kernel may have locked is left out step by step: the atime kind, then what was switched off. */
static int set_what_is_allowed(int fd, unsigned long set, unsigned long clear, unsigned long propagation)
{
	const struct {
		unsigned long set, clear;
	} attempts[] = {
		{ set, clear },
		{ set & ~ATIME_FLAGS, clear & ~ATIME_FLAGS },
		{ set & ~ATIME_FLAGS, 0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++) {
		struct mount_attr attr = {
			.attr_set = attributes(attempts[i].set),
			.attr_clr = attributes(attempts[i].clear),
			.propagation = propagation,
		};
		set_atime(&attr, attempts[i].set, attempts[i].clear);
		if (attr.attr_set == 0 && attr.attr_clr == 0 && propagation == 0)
			return 0;
		if (mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) == 0)
			return 0;
		if (errno != EPERM)
			return -1;
	}
	return -1;
}

int call_set_attributes(int fd, unsigned long set, unsigned long clear, unsigned long propagation)
{
	set &= MOUNT_FLAGS;
	clear &= MOUNT_FLAGS;
	if (set_what_is_allowed(fd, set, clear, propagation) == 0)
		return 0;
	if (!is_missing(errno) || old_set_flags(fd, set, clear) < 0)
		return -1;
	return propagation != 0 ? call_set_propagation(fd, propagation) : 0;
}

int call_set_attributes_below(int fd, unsigned long set)
{
	struct mount_attr attr = { .attr_set = attributes(set) };
	return mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr));
}

int call_set_propagation(int fd, unsigned long propagation)
{
	struct mount_attr attr = { .propagation = propagation & ~(unsigned long)MS_REC };
	unsigned how = AT_EMPTY_PATH | ((propagation & MS_REC) != 0 ? AT_RECURSIVE : 0);
	if (mount_setattr(fd, "", how, &attr, sizeof(attr)) == 0)
		return 0;
	if (!is_missing(errno))
		return -1;
	struct proc_path p = proc_path(fd);
	return mount(NULL, p.text, NULL, propagation, NULL);
}

int call_detach(int fd)
{
	struct proc_path p = proc_path(fd);
	return umount2(p.text, MNT_DETACH);
}
