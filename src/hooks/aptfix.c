/*
 * 10-aptfix: apt stays root (--root, Debian and its kin)
 *
 * apt drops to its own user for downloads; in a namespace of one id that user does not exist.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "hooks/builtin.h"
#include "hooks/place.h"
#include "rootfs/resolve.h"

#define CONF_DIR  "/etc/apt/apt.conf.d"
#define CONF_FILE CONF_DIR "/99-enroot"

static const char text[] = "APT::Sandbox::User \"root\";\n";

int hook_aptfix(struct hooks_context *ctx, struct error *err)
{
	if (!ids_are_root(ctx->ids))
		return 0;
	_cleanup_error_ struct error ignored = ERROR_INIT;
	_cleanup_close_ int dir = resolve_open(ctx->root, CONF_DIR, O_PATH | O_DIRECTORY, &ignored);
	if (dir < 0 || !ctx->writable) /* where nothing can be installed, nothing needs mending */
		return 0;
	return place_file(ctx, CONF_FILE, text, strlen(text), 0644, err);
}
