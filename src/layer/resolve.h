/*
 * layer/resolve.h - paths of layer entries in the tree that is being merged
 *
 * Every component but the last follows symlinks, inside the root, as the container tools do (a child of a path that
 * a lower symlink provides lands where that leads). Private to layer/.
 */
#pragma once

#include "layer/entry.h"

struct layer_place {
	uint32_t dir;   /* TREE_NONE: a component is missing */
	unsigned depth; /* of what is in .dir */
	const char *name;
	size_t name_len;
};

struct layer_resolver {
	struct tree *tree;
	uint64_t max_inodes;
	/* The directory of the last path, good until something that was there goes away or changes its type. */
	struct buffer cached;
	uint32_t cached_dir;
	unsigned cached_depth;
};

void layer_resolver_cleanup(struct layer_resolver *r);
void layer_resolver_forget(struct layer_resolver *r);

/*
 * Find the directory of PATH (clean, not the root). With CREATE missing directories are made (0755, time 0), also
 * in place of a non-directory; without, they make PLACE->dir TREE_NONE.
 */
int layer_resolve(struct layer_resolver *r, const char *path, size_t len, bool create,
	struct layer_place *place, struct error *err);

/* The same for the directory PATH itself (it may be the root), following also its last component. */
int layer_resolve_dir(
	struct layer_resolver *r, const char *path, size_t len, uint32_t *dir, struct error *err);

/* Bounds on what an image may make of us. */
int layer_resolver_check(const struct layer_resolver *r, struct error *err);
