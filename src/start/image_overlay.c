/* The kernel's overlay, and what there is where it cannot be had. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/paths.h"
#include "start/image_private.h"

#define MOUNT_FLAGS (MS_NOSUID | MS_NODEV)

int assembly_make(int dir, const char *name, struct error *err)
{
	if (mkdirat(dir, name, 0755) < 0 && errno != EEXIST)
		return error_errno(err, "cannot create the directory %s for an overlay", name);
	int fd = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? error_errno(err, "cannot open the directory %s of an overlay", name) : fd;
}

static int mount_on(int top, const char *name, const char *source, const char *type, unsigned long flags,
	const char *data)
{
	_cleanup_close_ int fd = openat(top, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char target[64];
	snprintf(target, sizeof(target), "/proc/self/fd/%d", fd);
	return fd < 0 ? -1 : mount(source, target, type, flags, data);
}

static int bind_on(int top, const char *name, int dir)
{
	char source[64];
	snprintf(source, sizeof(source), "/proc/self/fd/%d", dir);
	return mount_on(top, name, source, NULL, MS_BIND, NULL);
}

/* The locked descriptor is of a mount outside, which cannot be bound here: the same directory is found again. */
static int bind_kept(const struct assembly *a, struct error *err)
{
	struct stat locked, found;
	_cleanup_close_ int dir = open(a->kept_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || fstat(dir, &found) < 0 || fstat(a->kept, &locked) < 0)
		return error_errno(err, "cannot open %s", a->kept_path);
	if (found.st_dev != locked.st_dev || found.st_ino != locked.st_ino)
		return error_set(err, ESTALE, "cannot open %s: %s", a->kept_path, strerror(ESTALE));
	if (bind_on(a->top, CHANGES, dir) < 0)
		return error_errno(err, "cannot mount %s", a->kept_path);
	return 0;
}

static int mount_sized(const struct assembly *a, struct error *err)
{
	const char *size = a->overlay->size;
	_cleanup_free_ char *data = xasprintf("mode=755,size=%s", size);
	if (strchr(size, ',') != NULL || mount_on(a->top, CHANGES, "tmpfs", "tmpfs", MOUNT_FLAGS, data) < 0)
		return error_set(err, EINVAL, "Invalid argument: ENROOT_OVERLAY_SIZE=%s", size);
	return 0;
}

/* The top of the root filesystem looks as the upper directory does: it is made like the lower one. */
static int make_upper(const struct assembly *a, struct error *err)
{
	struct stat st;
	if (mkdirat(a->top, WORK, 0700) < 0 && errno != EEXIST)
		return error_errno(err, "cannot create the work directory of an overlay");
	if (fstat(a->lower, &st) < 0)
		return error_errno(err, "cannot read the image");
	if (mkdirat(a->top, UPPER, 0700) < 0)
		return errno == EEXIST ? 0
				       : error_errno(err, "cannot create the upper directory of an overlay");
	const struct timespec times[] = { st.st_atim, st.st_mtim };
	if (fchmodat(a->top, UPPER, st.st_mode & 07777, 0) < 0 || utimensat(a->top, UPPER, times, 0) < 0)
		return error_errno(err, "cannot set up the upper directory of an overlay");
	return 0;
}

static int place_changes(const struct assembly *a, struct error *err)
{
	if (mkdirat(a->top, CHANGES, 0755) < 0)
		return error_errno(err, "cannot create a directory for an overlay");
	if (a->kept >= 0 && bind_kept(a, err) < 0)
		return -1;
	if (a->kept < 0 && a->overlay->size != NULL && mount_sized(a, err) < 0)
		return -1;
	return make_upper(a, err);
}

/* tmpfs knows user xattrs since Linux 6.6; without them an overlay cannot make a removed directory anew. */
static bool upper_has_xattrs(const struct assembly *a)
{
	_cleanup_close_ int fd = openat(a->top, UPPER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsetxattr(fd, "user.enroot", "", 0, 0) < 0)
		return false;
	(void)fremovexattr(fd, "user.enroot");
	return true;
}

/* Paths through descriptors: what a directory is called cannot break the list of options. */
static int mount_native(const struct assembly *a)
{
	char data[256];
	snprintf(data, sizeof(data),
		"lowerdir=/proc/self/fd/%d,upperdir=/proc/self/fd/%d/" UPPER ",workdir=/proc/self/fd/%d/" WORK
		",userxattr,xino=off",
		a->lower, a->top, a->top);
	return mount_on(a->top, ROOT, "overlay", "overlay", MOUNT_FLAGS, data);
}

static int refuse_kept(const struct assembly *a, int code, struct error *err)
{
	error_set(err, code,
		"cannot keep changes in %s: its file system cannot be the upper layer of an overlay: %s",
		a->kept_path, strerror(code));
	return error_hint(err, "choose a directory on a local file system with extended attributes");
}

static int use_program(const struct assembly *a, struct error *err)
{
	_cleanup_free_ char *dir = path_join(a->overlay->scratch_path, PLACE);
	_cleanup_close_ int target = openat(a->top, ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (target < 0)
		return error_errno(err, "cannot open the directory root of an overlay");
	return fuse_overlay_mount(dir, target, err);
}

/* 0: there is an overlay on root/. 1: there cannot be one. */
static int make_overlay(const struct assembly *a, struct error *err)
{
	if (place_changes(a, err) < 0)
		return -1;
	bool has_xattrs = upper_has_xattrs(a);
	if (!has_xattrs && a->kept >= 0)
		return refuse_kept(a, EOPNOTSUPP, err);
	if (a->overlay->native && (has_xattrs || !fuse_overlay_exists())) {
		if (mount_native(a) == 0) {
			if (!has_xattrs)
				log_warn("tmpfs has no user xattrs before Linux 6.6: a directory that is "
					 "removed and "
					 "made anew shows its old contents");
			return 0;
		}
		if (a->kept >= 0 && errno == EINVAL)
			return refuse_kept(a, errno, err);
	}
	return fuse_overlay_exists() ? use_program(a, err) : 1;
}

static int use_image_itself(const struct assembly *a, struct error *err)
{
	if (a->kept >= 0)
		return error_set(err, ENOTSUP, "cannot keep changes in %s: there is no overlay: %s",
			a->kept_path, strerror(ENOTSUP));
	log_warn("the root filesystem is read-only: %s",
		a->overlay->native
			? "this kernel has no overlay for ordinary users, and fuse-overlayfs is not installed"
			: "fuse-overlayfs is not installed, and ENROOT_NATIVE_OVERLAYFS is off");
	if (bind_on(a->top, ROOT, a->lower) < 0)
		return error_errno(err, "cannot mount the root filesystem");
	return 0;
}

int assembly_mount(const struct assembly *a, char **path, struct error *err)
{
	struct stat st;
	_cleanup_close_ int place = assembly_make(a->top, ROOT, err);
	if (place < 0)
		return -1;
	int r = make_overlay(a, err);
	if (r < 0 || (r > 0 && use_image_itself(a, err) < 0))
		return -1;
	_cleanup_close_ int root = openat(a->top, ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || fstat(root, &st) < 0) /* ENOTCONN: the program failed */
		return error_errno(err, "cannot use the overlay of the root filesystem");
	*path = xasprintf("%s/" PLACE "/" ROOT, a->overlay->scratch_path);
	return steal_fd(&root);
}
