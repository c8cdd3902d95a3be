/*
 * hooks/skeleton.h - a home directory from a skeleton, both inside a root filesystem
 */
#pragma once

#include <sys/types.h>

#include "base/error.h"

/*
 * Make the directory HOME with MODE in ROOT and copy the directory SKEL into it: directories, regular files and
 * symlinks, these as they are. Nothing happens where HOME exists; a SKEL that is missing is empty. All of it is
 * bounded: what a skeleton holds beyond 1,000 entries, 8 levels or 1 MiB a file is left out.
 */
int skeleton_make_home(int root, const char *home, const char *skel, mode_t mode, struct error *err);
