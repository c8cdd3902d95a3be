#include "sandbox/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"
#include "sandbox/mount.h"

const char *scratch_path(const struct scratch *s)
{
	return settings_get(s->settings, SETTING_RUNTIME_PATH);
}

/*
 * Over "/": the process' root stays what it was, since nothing is looked up through its own mount point. Linux 5.2 and
 * later.
 */
static int mount_anywhere(struct error *err)
{
	_cleanup_close_ int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
	if (fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "mode", "0700", 0) < 0 ||
		fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return error_errno(err, "cannot create a tmpfs");
	_cleanup_close_ int mount = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (mount < 0 || root < 0 ||
		move_mount(mount, "", root, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return error_errno(err, "cannot mount a tmpfs");
	if (dup3(mount, SCRATCH_DESCRIPTOR, O_CLOEXEC) < 0)
		return error_errno(err, "cannot keep the descriptor of a tmpfs");
	return SCRATCH_DESCRIPTOR;
}

int scratch_open(struct scratch *s, struct error *err)
{
	const char *path = scratch_path(s);
	if (s->fd >= 0)
		return s->fd;
	if (path != NULL && str_eq(path, SCRATCH_ANYWHERE)) {
		s->fd = mount_anywhere(err);
		return s->fd;
	}
	if (path == NULL)
		return error_set(err, EINVAL, "ENROOT_RUNTIME_PATH is not set");
	if (settings_need_directory(s->settings, SETTING_RUNTIME_PATH, err) < 0)
		return -1;
	_cleanup_close_ int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return error_errno(err, "cannot open %s", path);
	if (mount_filesystem("tmpfs", dir, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700", err) < 0)
		return error_prefix(err, "%s", path);
	s->fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return s->fd < 0 ? error_errno(err, "cannot open %s", path) : s->fd;
}
