/*
 * 10-home: the caller's home directory inside (ENROOT_MOUNT_HOME)
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/memory.h"
#include "config/user.h"
#include "hooks/builtin.h"
#include "sandbox/mount.h"

int hook_home(struct hooks_context *ctx, struct error *err)
{
	if (!hooks_is_on(ctx, SETTING_MOUNT_HOME))
		return 0;
	const char *home = strv_env_get(ctx->host, "HOME");
	if (home == NULL || *home == '\0')
		home = user_home();
	const char *inside = settings_is_true(ctx->settings, SETTING_REMAP_ROOT) ? "/root" : home;

	_cleanup_close_ int source = open(home, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (source < 0)
		return error_errno(err, "cannot open the home directory %s", home);
	_cleanup_close_ int target = mount_open_target(ctx->root, inside, FSTAB_CREATE_DIR, err);
	if (target < 0)
		return -1;
	if (mount_bind_fd(source, target, MS_NOSUID, err) < 0) {
		if (err->code != EINVAL)
			return -1;
		error_clear(err); /* mounts below it are locked: they come along */
		if (mount_bind_fd(source, target, MS_NOSUID | MS_REC, err) < 0)
			return -1;
	}
	strv_env_set(ctx->env, "HOME", inside);
	return 0;
}
