/*
 * sandbox/root.h - the root filesystem as a mount: from a directory on the host to "/"
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"

/*
 * Bind the directory PATH on itself, nosuid, nodev, slave. Not recursively, unless mounts of the host below it make
 * that impossible (EINVAL: they are locked in a user namespace). *REAL becomes its canonical path (owned by the
 * caller). Returns a descriptor of the new mount's root (O_PATH), owned by the caller.
 */
int root_bind(const char *path, char **real, struct error *err);

/* May the caller create files at the top of ROOT? */
bool root_is_writable(int root);

/*
 * Make sure that ROOT holds the regular file /.lock, by which running containers are told from other processes.
 * Anything else of that name stays as it is.
 */
int root_mark(int root, struct error *err);
bool root_is_marked(int root); /* is something of that name there? */

/* Make ROOT read-only; with WRITABLE only /.lock and /.enroot in it. */
int root_seal(int root, bool writable, struct error *err);

/*
 * Make ROOT "/" and the working directory, and let go of everything outside. Returns 1 where that is not possible
 * (the host's root is the initial ramfs) and ROOT only covers it: whoever may unmount could uncover it.
 */
int root_pivot(int root, struct error *err);
