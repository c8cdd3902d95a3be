/*
 * squashfs/writer_tables.h - from a tree to the tables of an image (private to the writer)
 *
 * Inodes are numbered as directories are entered: the children of one get consecutive numbers. They are
 * written when their directory is left, together and in order, so that listing a directory touches few
 * metadata blocks. The inode table streams to the file; the directory and xattr tables wait in memory,
 * compressed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "squashfs/writer_private.h"

/* A directory whose listing is written and whose inode is not yet. */
struct dir_info {
	uint32_t start_block;
	uint32_t size; /* bytes of the listing */
	uint32_t subdirs;
	uint32_t index_start; /* of its struct sqfs_dir_index entries in tables.index */
	uint32_t index_len;   /* bytes */
	uint16_t index_count;
	uint16_t offset;
};

struct xattr_tables {
	uint32_t *by_set; /* set of the tree → index + 1; 0: not met yet */
	size_t set_capacity;
	struct sqfs_xattr_id *ids; /* little-endian */
	size_t count, capacity;
	struct meta *pairs;
	bool warned;
};

struct tables {
	struct sqfs_writer *w;
	const struct tree *tree;
	struct sqfs_codec *codec;
	struct meta *inodes, *dirs;
	struct xattr_tables xattrs;
	uint32_t *numbers; /* inode of the tree → inode number; 0: none yet */
	uint64_t *refs;    /* inode number - 1 → reference, SQFS_NO_TABLE: not written yet */
	uint32_t inode_count;
	uint32_t *fragment_map; /* fragment of the data phase → index in the table */
	size_t fragments;       /* of the data phase */

	struct frame *frames; /* the path from the root, deepest last */
	size_t depth, frame_capacity;
	uint32_t *children; /* of all directories on the path, sorted, one after the other */
	size_t child_count, child_capacity;
	struct dir_info *infos; /* of finished directories whose parents are on the path */
	size_t info_count, info_capacity;
	struct buffer index;
	uint32_t *sorted; /* scratch */
	size_t sorted_capacity;
};

/* The number and the reference that an inode of the tree got. */
static inline uint32_t tables_number(const struct tables *t, uint32_t inode)
{
	return t->numbers[inode];
}
static inline uint64_t tables_ref(const struct tables *t, uint32_t inode)
{
	return t->refs[t->numbers[inode] - 1];
}

/* Write the inode of NODE and note its reference. DIR and PARENT (an inode number) are for directories. */
int inode_write(
	struct tables *t, uint32_t node, const struct dir_info *dir, uint32_t parent, struct error *err);

/* Write the listing of COUNT children whose inodes are written; index entries are appended to t->index. */
int dir_write(
	struct tables *t, const uint32_t *children, size_t count, struct dir_info *dir, struct error *err);

/* The index in the xattr id table for a set of the tree; SQFS_NO_XATTR if nothing of it can be stored. */
int xattr_index(struct tables *t, uint32_t set, uint32_t *index, struct error *err);
/* Write the xattr tables, which come last. *START: what the superblock says. */
int xattr_write_tables(struct tables *t, uint64_t *start, struct error *err);
void xattr_tables_cleanup(struct xattr_tables *x);

/* sqfs_writer_finish() once all data are committed. */
int writer_write_tables(struct sqfs_writer *w, const struct tree *tree, uint32_t mkfs_time, uint64_t *bytes,
	struct error *err);
