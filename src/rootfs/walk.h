/*
 * rootfs/walk.h - the resolver's own walk, component by component (private to this room)
 *
 * For kernels without openat2(2), and for what the kernel cannot do: making what is missing on the way. It never
 * gives the kernel a "..", nor a path of more than one component, nor lets it follow a symlink.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct walk_goal {
	bool make_dirs; /* make missing directories on the way, mode 0755 */
	bool to_parent; /* stop at the parent of the last component; the result's name is not looked at */
	bool nofollow;  /* do not follow a symlink that is the last component */
};

struct walk_result {
	int dir;    /* owned (O_PATH): where the last component is to be found */
	char *name; /* owned: the last component, no symlink when looked at; NULL: DIR itself is meant */
	bool must_be_directory; /* the path ended in a slash or a dot */
};

/* Returns 0, or -1 with errno. A last component that does not exist is no error here. */
int walk_resolve(int root, const char *path, const struct walk_goal *goal, struct walk_result *result);

/* Open what PATH names: resolve_open() without openat2(2). -1 with errno. */
int walk_open(int root, const char *path, int flags);

/* Make one directory NAME in DIR with exactly MODE. One that exists is fine. Returns it (O_PATH), or -1. */
int walk_mkdir(int dir, const char *name, mode_t mode);
