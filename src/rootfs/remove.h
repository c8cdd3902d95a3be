/*
 * rootfs/remove.h - removing directory trees that may be hostile, deep or locked
 *
 * Everything goes by single names relative to descriptors; symlinks are removed, never followed; nothing recurses; no
 * mount is crossed. Directories that their owner closed to himself are opened again (u+rwx).
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"

/*
 * Refuse (EBUSY) if PATH, or anything below it, is a mount point here: "MOUNTPOINT is mounted". A symlink is not
 * followed. What does not exist is fine.
 */
int remove_check_mounts(const char *path, struct error *err);

/*
 * Remove NAME in the directory DIR: a tree, or anything else. PATH is what messages call it. What does not exist is
 * fine. With INTERRUPTIBLE it stops (EINTR) when the program is asked to end.
 */
int remove_tree(int dir, const char *name, const char *path, bool interruptible, struct error *err);

/* The same for a scratch directory of store/container.h: not interruptible. */
int remove_for_scratch(int dir, const char *name, const char *path, struct error *err);
