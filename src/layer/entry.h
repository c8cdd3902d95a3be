/*
 * layer/entry.h - what an entry of a tar means as an entry of a layer
 *
 * Clean paths, whiteouts, and what is left out. Private to layer/.
 */
#pragma once

#include "layer/index.h"
#include "layer/tar.h"

#define LAYER_NAME_MAX   255u
#define LAYER_DEPTH_MAX  1024u
#define LAYER_TARGET_MAX 4095u /* of a symlink: Linux makes no longer one */

/*
 * The permissions that an inode of TYPE (enum tree_type) has in the tree: the owner may read everything, search and
 * write directories, and run what anyone may run.
 */
uint16_t layer_repaired_mode(uint8_t type, uint16_t mode);

/*
 * Append to OUT (emptied first) the clean form of PATH: relative, no empty, "." or ".." component; ".." is
 * clamped at the root, and *ESCAPES (may be NULL) says whether it had to be. Fails for names and depths beyond
 * the bounds above.
 */
int layer_path_clean(const char *path, size_t len, struct buffer *out, bool *escapes, struct error *err);

/* The last component; *DIR_LEN is the length of what is before it, without the slash. */
const char *layer_path_last(const char *path, size_t len, size_t *dir_len, size_t *last_len);

struct layer_classifier {
	struct buffer path, link;
	struct tree_xattr *xattrs;
	size_t xattr_capacity;
	struct layer_skipped *skipped;
};
void layer_classifier_cleanup(struct layer_classifier *c);

/*
 * Fill ENTRY from TAR; strings live in C and TAR. Returns 1; 0 when the entry is to be left out; -1 with ERR
 * when it must not be.
 */
int layer_classify(struct layer_classifier *c, const struct tar_entry *tar, struct layer_entry *entry,
	struct error *err);
