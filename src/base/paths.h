/*
 * base/paths.h - paths on the host (paths inside a root filesystem: rootfs/resolve.h)
 */
#pragma once

#include <sys/types.h>

#include "base/error.h"

/* DIR + "/" + NAME without doubled slashes; the caller owns it. */
char *path_join(const char *dir, const char *name);

/* Make PATH and its missing parents with MODE. An existing directory is fine. */
int path_make_dirs(const char *path, mode_t mode, struct error *err);

/* The last component without trailing slashes; the caller owns it. */
char *path_basename(const char *path);
