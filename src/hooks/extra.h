/*
 * hooks/extra.h - built-in hooks that are off unless enabled (private to the room)
 *
 * By ENROOT_HOOKS_EXTRA (their names without number and ".sh", comma-separated), or by a file of their name in hooks.d,
 * the system's or the user's: a link to or copy of the marker in /usr/share/enroot/hooks.d, which does nothing by itself.
 */
#pragma once

#include "hooks/builtin.h"

/* Does ENROOT_HOOKS_EXTRA name the hook NAME ("50-sharp.sh")? */
bool extra_is_named(const struct hooks_context *ctx, const char *name);

/* A word of the list that is none of the extras among the COUNT HOOKS is a typing error: warn of it. */
void extra_check_names(const struct hooks_context *ctx, const struct builtin_hook *hooks, size_t count);

/* Is the file PATH a marker? */
bool extra_is_marker(const char *path);
