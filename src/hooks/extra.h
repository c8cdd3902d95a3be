/*
 * hooks/extra.h - built-in hooks that are off unless enabled (private to the room)
 *
 * By ENROOT_HOOKS_EXTRA (their names without number and ".sh", comma-separated), or by a file of their name in hooks.d:
 * a link to or copy of the marker in /usr/share/enroot/hooks.d, which does nothing by itself.
 */
#pragma once

#include "hooks/builtin.h"

/* Does ENROOT_HOOKS_EXTRA name the hook NAME ("50-sharp.sh")? */
bool extra_is_named(const struct hooks_context *ctx, const char *name);

/* Is the file PATH a marker? */
bool extra_is_marker(const char *path);
