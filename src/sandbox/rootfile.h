/*
 * sandbox/rootfile.h - reading small files of a root filesystem
 */
#pragma once

#include <stddef.h>

#include "base/error.h"

/* No file that we read in there (passwd, login.defs, os-release…) is larger; a larger one is refused. */
#define ROOTFILE_MAX_BYTES (8u << 20)

/*
 * Read the regular file PATH of ROOT (a borrowed descriptor) as a NUL-terminated string that the caller owns; LEN
 * may be NULL. Symlinks stay in the root; a FIFO or device there neither blocks nor counts (EINVAL). Returns 0, or
 * -1 with ERR (ENOENT where there is none).
 */
int rootfile_read(int root, const char *path, char **text, size_t *len, struct error *err);

/* The same where the file is optional: NULL when it is missing or cannot be read. The caller owns the text. */
char *rootfile_read_optional(int root, const char *path);
