/*
 * rootfs/resolve.h - paths inside a root filesystem
 *
 * A root filesystem is hostile: any component may be a symlink, and may change while we look. These functions
 * turn a path into a descriptor without ever leaving the root. Nothing else opens files in there.
 *
 * In all of them ROOT is a descriptor of the root filesystem (O_PATH will do), borrowed; a PATH that begins
 * with a slash is relative to ROOT all the same. Symlinks are followed as the container would: absolute ones
 * start at ROOT again, a ".." in a link's text stays at the root. A ".." of PATH itself that would lead above
 * ROOT is EXDEV ("Invalid cross-device link"). Magic links of /proc are not followed.
 * Messages end with the strerror text; err->code is the errno.
 */
#pragma once

#include <sys/types.h>

#include "base/error.h"

/*
 * Open what PATH names.
 *
 *   flags  as open(2), without O_CREAT; O_CLOEXEC is implied. With O_NOFOLLOW a final symlink is opened itself
 *          (O_PATH) or refused (ELOOP).
 *
 * Returns a descriptor that the caller owns, or -1 with ERR set.
 */
int resolve_open(int root, const char *path, int flags, struct error *err);

/*
 * Open the directory that holds the last component of PATH (O_PATH), for creating, renaming or removing there:
 * that component itself is not looked at. *NAME becomes it, owned by the caller; EINVAL if it is "", "." or
 * "..".
 */
int resolve_parent(int root, const char *path, char **name, struct error *err);

/*
 * Make the directory PATH with MODE, and its missing parents with 0755, whatever the umask. What exists is
 * fine, also through symlinks; where one dangles, what it names is made (in the root). Returns the directory
 * (O_PATH), owned by the caller.
 */
int resolve_mkdirs(int root, const char *path, mode_t mode, struct error *err);

/*
 * Create the regular file PATH with MODE, whatever the umask, and its missing parents with 0755, as
 * resolve_mkdirs() does; a dangling last symlink makes what it names. EEXIST if something is there. Returns the
 * file opened for writing, owned by the caller.
 */
int resolve_create_file(int root, const char *path, mode_t mode, struct error *err);
