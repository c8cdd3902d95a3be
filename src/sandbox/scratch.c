#include "sandbox/scratch.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/memory.h"
#include "sandbox/mount.h"

const char *scratch_path(const struct scratch *s)
{
	return settings_get(s->settings, SETTING_RUNTIME_PATH);
}

int scratch_open(struct scratch *s, struct error *err)
{
	const char *path = scratch_path(s);
	if (s->fd >= 0)
		return s->fd;
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
