/*
 * store/container.h - names of containers, the directory they live in, and how they appear and vanish in it
 *
 * A container is made, and taken apart, inside a scratch directory of DATA_PATH with a dot name: nobody lists or
 * starts what is half done. A lock in there says that its owner is alive; what the dead left is removed by the
 * next who comes.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"

/*
 * Is NAME a container's name: 1-255 bytes, no "/", no control bytes, not beginning with "-" or "."? ERR says
 * "Invalid argument: NAME". ("." itself, which start takes, is the caller's business.)
 */
int container_name_check(const char *name, struct error *err);

/* DATA_PATH/NAME; the caller owns it. */
char *container_path(const char *data_path, const char *name);

/* Removes NAME in DIR, a tree or anything else, called PATH in messages: see rootfs/remove.h. */
typedef int (*container_remover)(int dir, const char *name, const char *path, struct error *err);

struct container_scratch {
	int data;   /* owned: DATA_PATH */
	int dir;    /* owned: DATA_PATH/NAME, mode 0700 */
	int lock;   /* owned: held while the owner lives */
	char *name; /* ".enroot-…" */
	char *path; /* DATA_PATH/NAME/tree: what messages call the tree */
	container_remover remove;
};

#define CONTAINER_SCRATCH_INIT      ((struct container_scratch){ .data = -1, .dir = -1, .lock = -1 })
#define CONTAINER_SCRATCH_TREE      "tree" /* the tree's name in .dir */
#define _cleanup_container_scratch_ __attribute__((cleanup(container_scratch_end)))

/* Make a scratch directory in DATA_PATH, and remove what killed owners left there. */
int container_scratch_begin(
	struct container_scratch *s, const char *data_path, container_remover remove, struct error *err);

/* Remove it with whatever is inside. Harmless on CONTAINER_SCRATCH_INIT. */
void container_scratch_end(struct container_scratch *s);

/* Go away and leave what is inside to whoever comes next. */
void container_scratch_leave(struct container_scratch *s);

/*
 * Make the empty directory of a new tree, mode 0700. Returns its descriptor, owned by the caller.
 */
int container_scratch_make_tree(struct container_scratch *s, struct error *err);

/*
 * Give the tree its NAME. One that exists is refused ("File already exists: PATH", EEXIST), or with REPLACE
 * exchanged in one step: the old one is then in the scratch directory, and goes with it.
 */
int container_scratch_publish(struct container_scratch *s, const char *data_path, const char *name,
	bool replace, struct error *err);

/* Move container NAME into the scratch directory: it is gone from then on. */
int container_scratch_take(struct container_scratch *s, const char *name, struct error *err);
/* Give it back, if it could not be removed. */
int container_scratch_restore(struct container_scratch *s, const char *name, struct error *err);
