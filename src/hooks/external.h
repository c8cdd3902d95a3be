/*
 * hooks/external.h - hooks that are programs (private to the room)
 *
 * They see the host's environment, the settings, ENROOT_PID, ENROOT_ROOTFS, and two files in a private tmpfs over
 * the runtime directory: $ENROOT_ENVIRON holds the container's environment and $ENROOT_MOUNTS is empty at first.
 * What they append takes effect: variables before the next hook, mounts after the last.
 */
#pragma once

#include <stdbool.h>

#include "hooks/hooks.h"

/* Run the executable PATH. A status other than 0 is "PATH exited with return code N". */
int external_run(struct hooks_context *ctx, const char *path, struct error *err);

/* Is PATH one of the established tool's own hooks, left behind by its package? Never with ENROOT_LEGACY_HOOKS. */
bool external_is_leftover(const struct hooks_context *ctx, const char *path);
