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

/* What PATH is in: all before its last slash, "/" if that is the first character, "." if there is none; the caller's. */
char *path_dirname(const char *path);

/* What is behind the last slash of PATH, in it; all if there is none. */
const char *path_last(const char *path);

/* The last component without trailing slashes; the caller owns it. */
char *path_basename(const char *path);
