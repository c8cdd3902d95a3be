/* What starts of images need: FUSE and overlays in a user namespace. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/memory.h"
#include "doctor/attempt.h"
#include "doctor/private.h"

#define FUSE_DEVICE "/dev/fuse"
#define FUSE_MAJOR  10 /* Documentation/admin-guide/devices.txt */
#define FUSE_MINOR  229

void check_fuse_device(struct patient *p, const void *arg, struct finding *f)
{
	(void)p;
	(void)arg;
	struct stat st;
	if (stat(FUSE_DEVICE, &st) < 0) {
		finding_set(f, DOCTOR_KO, "is not there");
		finding_remedy(f,
			"modprobe fuse; in a container, give it the device (docker run --device /dev/fuse)");
		return;
	}
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(FUSE_MAJOR, FUSE_MINOR)) {
		finding_set(f, DOCTOR_KO, "is something else");
		finding_remedy(f, "make it: mknod -m 666 /dev/fuse c 10 229");
		return;
	}
	_cleanup_close_ int fd = open(FUSE_DEVICE, O_RDWR | O_CLOEXEC);
	int code = errno;
	if (fd >= 0) {
		finding_set(f, DOCTOR_OK, "can be opened");
		return;
	}
	finding_set(f, DOCTOR_KO, "cannot be opened: %s", strerror(code));
	finding_remedy(f, code == EACCES ? "chmod 666 /dev/fuse"
					 : "modprobe fuse; in a container, allow it the device");
}

static int mount_at(int place, const char *type, const char *data)
{
	char target[64];
	snprintf(target, sizeof(target), "/proc/self/fd/%d", place);
	return mount(type, target, type, MS_NOSUID | MS_NODEV, data);
}

static int try_fuse(void *arg, struct error *err)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int scratch = enter_scratch(arg, err);
	_cleanup_close_ int place = scratch < 0 ? -1 : make_place(scratch, "image", err);
	if (place < 0)
		return -1;
	_cleanup_close_ int fuse = open(FUSE_DEVICE, O_RDWR | O_CLOEXEC);
	if (fuse < 0)
		return error_errno(err, "cannot open " FUSE_DEVICE);
	char data[128];
	snprintf(data, sizeof(data), "fd=%d,rootmode=40000,user_id=%u,group_id=%u", fuse, uid, gid);
	return mount_at(place, "fuse", data) < 0 ? error_errno(err, "cannot mount") : 0;
}

static int try_overlay(void *arg, struct error *err)
{
	int scratch = enter_scratch(arg, err);
	if (scratch < 0)
		return -1;
	static const char *const names[] = { "lower", "upper", "work", "root" };
	int places[ARRAY_SIZE(names)];
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) { /* the child that owns them ends soon */
		places[i] = make_place(scratch, names[i], err);
		if (places[i] < 0)
			return -1;
	}
	char data[256];
	snprintf(data, sizeof(data),
		"lowerdir=/proc/self/fd/%d,upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/"
		"%d,userxattr,xino=off",
		places[0], places[1], places[2]);
	return mount_at(places[3], "overlay", data) < 0 ? error_errno(err, "cannot mount") : 0;
}

static int try_xattrs(void *arg, struct error *err)
{
	int scratch = enter_scratch(arg, err);
	_cleanup_close_ int fd = scratch < 0 ? -1 : openat(scratch, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (scratch >= 0 && fd < 0)
		return error_errno(err, "cannot open a tmpfs");
	if (fd < 0)
		return -1;
	return fsetxattr(fd, "user.enroot", "", 0, 0) < 0 ? error_errno(err, "there are none") : 0;
}

static bool attempt_or_tell(
	struct patient *p, int (*fn)(void *arg, struct error *err), const char *good, struct finding *f)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	if (!p->user_ns_works) {
		finding_set(f, DOCTOR_KO, "not tried: there are no user namespaces");
		finding_remedy(f, "see \"user namespaces\"");
		return true;
	}
	if (attempt(fn, p, &err) == 0) {
		finding_set(f, DOCTOR_OK, "%s", good);
		return true;
	}
	finding_set(f, DOCTOR_KO, "%s", err.message);
	return false;
}

void check_fuse_mount(struct patient *p, const void *arg, struct finding *f)
{
	(void)arg;
	if (attempt_or_tell(p, try_fuse, "can be made", f))
		return;
	finding_remedy(f, access(FUSE_DEVICE, R_OK | W_OK) < 0 ? "see \"/dev/fuse\""
							       : "the kernel needs FUSE in user namespaces "
								 "(Linux 4.18), and no module may forbid it");
}

void check_overlay(struct patient *p, const void *arg, struct finding *f)
{
	(void)arg;
	if (attempt_or_tell(p, try_overlay, "can be made", f))
		return;
	if (p->has_fuse_overlay) {
		finding_set(f, DOCTOR_OK, "by fuse-overlayfs");
		return;
	}
	finding_remedy(f,
		"without one images are read-only: modprobe overlay (Linux 5.11 or newer), or install "
		"fuse-overlayfs");
}

void check_xattrs(struct patient *p, const void *arg, struct finding *f)
{
	(void)arg;
	if (attempt_or_tell(p, try_xattrs, "work", f))
		return;
	if (p->has_fuse_overlay) {
		finding_set(f, DOCTOR_OK, "none: fuse-overlayfs is used");
		return;
	}
	finding_remedy(f,
		"a directory of an image that is removed and made anew shows its old contents: use Linux 6.6 "
		"or newer, or install fuse-overlayfs");
}
