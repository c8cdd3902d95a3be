/*
 * layer/index.h - the entries of one layer, in order, in few bytes
 *
 * A log of records, each path stored as what differs from the one before, cut into blocks that are compressed: 15
 * to 30 bytes an entry. It is written once, in order, and read a few times; the last reading frees it as it goes.
 * Private to layer/.
 */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"
#include "layer/layer.h"

enum layer_kind {
	LAYER_FILE,
	LAYER_DIRECTORY,
	LAYER_SYMLINK,
	LAYER_HARDLINK,
	LAYER_FIFO,
	LAYER_SKIPPED,  /* a device: takes the place of what is below, and is not stored itself */
	LAYER_WHITEOUT, /* .path is what it removes */
	LAYER_OPAQUE,   /* .path is the directory */
};

#define LAYER_NOT_WRITTEN TREE_NO_DATA

/* Paths are relative, clean and without leading slash; "" is the root. */
struct layer_entry {
	enum layer_kind kind;
	uint16_t mode;
	uint32_t mtime;
	uint32_t data; /* LAYER_FILE: the sink's id, or LAYER_NOT_WRITTEN */
	uint64_t size; /* LAYER_FILE */
	const char *path, *link;
	size_t path_len, link_len; /* the link: a symlink's target as it is, a hard link's as a clean path */
	const struct tree_xattr *xattrs;
	size_t xattr_count;
};

struct layer_index *layer_index_new(void);
/* Returns the bytes that the record took before compression. */
size_t layer_index_add(struct layer_index *index, const struct layer_entry *entry);
/* No more will come. */
void layer_index_finish(struct layer_index *index);

/* What the scan counted and found. */
struct layer_index_facts {
	struct layer_skipped skipped;
	uint64_t max_inodes; /* the bound that the image has */
	bool has_whiteouts, has_hardlinks;
};
struct layer_index_facts *layer_index_facts(struct layer_index *index);
uint64_t layer_index_bytes(const struct layer_index *index); /* of memory */

/* Reading. Strings in the entry are good until the next call. */
struct layer_cursor {
	struct layer_index *index;
	bool consume; /* free what was read */
	size_t segment, offset;
	uint64_t number; /* of the entry that was read last, from 0 */
	char *block;
	size_t block_len, at;
	struct buffer path;
	uint32_t mtime;
	struct tree_xattr *xattrs;
	size_t xattr_capacity;
	void *decompressor;
};
void layer_cursor_init(struct layer_cursor *c, struct layer_index *index, bool consume);
void layer_cursor_cleanup(struct layer_cursor *c);
bool layer_cursor_next(struct layer_cursor *c, struct layer_entry *entry);

#define _cleanup_cursor_ __attribute__((cleanup(layer_cursor_cleanup)))
