/*
 * layer/mask.h - which files of a lower layer are surely hidden
 *
 * Made only of the layers above. A file, link or whiteout above hides the path and all below it; an opaque
 * directory hides its children; a directory hides only a non-directory. It knows paths as they are written, not
 * symlinks: the merge corrects it (layer/layer.h).
 *
 * Kept as hashes of paths, 16 to 24 bytes an entry. Two paths of one hash would make a file look hidden that is
 * not: the merge finds that too, so that the hash need not be a secret one, and the same image always gives the
 * same answers. Private to layer/.
 */
#pragma once

#include "layer/entry.h"

/* A place in the mask: successive paths share directories. */
struct layer_mask_walk {
	const struct layer_mask *mask;
	struct buffer path;
	unsigned depth;
	struct {
		uint32_t end; /* of the component in .path */
		uint32_t flags;
		uint64_t hash;
	} levels[LAYER_DEPTH_MAX + 1];
};

void layer_mask_walk_init(struct layer_mask_walk *w, const struct layer_mask *mask);
void layer_mask_walk_cleanup(struct layer_mask_walk *w);

/* Is a non-directory at this clean path hidden by the layers above? */
bool layer_mask_hides(struct layer_mask_walk *w, const char *path, size_t len);
