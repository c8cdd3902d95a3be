/*
 * tests/unit/squashfs/walk.h - read everything that an image has: for the fuzz target and the corruption tests
 */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "squashfs/reader.h"

struct walk_totals {
	uint64_t entries, bytes, xattrs; /* read so far */
	uint64_t hash;                   /* of all that was read */
	uint64_t max_entries, max_bytes; /* stop here without an error */
};

static inline void walk_hash(struct walk_totals *t, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t h = t->hash;
	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3u; /* FNV-1a */
	t->hash = h;
}

static inline int walk_file(
	struct sqfs_reader *r, const struct sqfs_inode *inode, struct walk_totals *t, struct error *err)
{
	struct sqfs_extents it;
	struct sqfs_extent e;
	uint64_t end = 0;
	int n;
	if (sqfs_extents_open(r, inode, &it, err) < 0)
		return -1;
	while ((n = sqfs_extents_next(r, &it, &e, err)) == 1) {
		struct sqfs_data data;
		if (e.offset != end || e.len == 0 || e.len > inode->size - end)
			abort(); /* extents follow each other and end with the file */
		end += e.len;
		t->bytes += e.kind == SQFS_EXTENT_HOLE ? 1 : e.len;
		if (t->bytes > t->max_bytes)
			return 0;
		if (e.kind == SQFS_EXTENT_HOLE)
			continue;
		if (sqfs_data_get(r, &e, &data, err) < 0)
			return -1;
		walk_hash(t, data.bytes, e.len);
		sqfs_data_release(r, &data);
	}
	if (n == 0 && end != inode->size)
		abort();
	return n;
}

static inline int walk_inode(
	struct sqfs_reader *r, const struct sqfs_inode *inode, struct walk_totals *t, struct error *err)
{
	struct sqfs_xattrs list;
	if (sqfs_xattrs_read(r, inode->xattrs, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.count; i++) {
		walk_hash(t, list.items[i].name, strlen(list.items[i].name));
		walk_hash(t, list.items[i].value, list.items[i].value_len);
	}
	t->xattrs += list.count;
	sqfs_xattrs_cleanup(&list);
	walk_hash(t, &inode->mode, sizeof(inode->mode));
	walk_hash(t, &inode->mtime, sizeof(inode->mtime));
	if (inode->type == SQFS_FILE)
		return walk_file(r, inode, t, err);
	if (inode->type != SQFS_SYMLINK)
		return 0;
	_cleanup_free_ char *target = sqfs_symlink(r, inode, err);
	if (target == NULL)
		return -1;
	walk_hash(t, target, strlen(target));
	return 0;
}

/* All entries of one directory; subdirectories go to the stack. */
static inline int walk_directory(struct sqfs_reader *r, const struct sqfs_inode *dir, struct walk_totals *t,
	uint64_t **stack, size_t *depth, size_t *capacity, struct error *err)
{
	struct sqfs_dir it;
	struct sqfs_entry entry, again;
	struct sqfs_inode inode;
	int n;
	if (sqfs_dir_open(r, dir, &it, err) < 0)
		return -1;
	while (t->entries < t->max_entries && t->bytes < t->max_bytes &&
		(n = sqfs_dir_next(r, &it, &entry, err)) != 0) {
		if (n < 0 || sqfs_inode(r, entry.ref, &inode, err) < 0 || walk_inode(r, &inode, t, err) < 0)
			return -1;
		if (strlen(entry.name) != entry.name_len || strchr(entry.name, '/') != NULL)
			abort();
		int found = sqfs_dir_lookup(r, dir, entry.name, entry.name_len, &again, err);
		if (found < 0)
			return -1;
		if (found == 0 && dir->dir.index_count == 0)
			abort(); /* what is listed is found, unless an index lies */
		walk_hash(t, entry.name, entry.name_len);
		t->entries++;
		if (inode.type == SQFS_DIR) {
			grow_array(stack, capacity, *depth + 1);
			(*stack)[(*depth)++] = entry.ref;
		}
	}
	return 0;
}

static inline int walk_image(struct sqfs_image *image, struct walk_totals *t, struct error *err)
{
	struct sqfs_reader *r = sqfs_reader_new(image, err);
	if (r == NULL)
		return -1;
	struct sqfs_inode dir;
	uint64_t *stack = NULL;
	size_t depth = 0, capacity = 0;
	int result = sqfs_root(r, &dir, err);
	if (result == 0)
		result = walk_inode(r, &dir, t, err);
	if (result == 0)
		result = walk_directory(r, &dir, t, &stack, &depth, &capacity, err);
	while (result == 0 && depth > 0) {
		result = sqfs_inode(r, stack[--depth], &dir, err);
		if (result == 0)
			result = walk_directory(r, &dir, t, &stack, &depth, &capacity, err);
	}
	free(stack);
	sqfs_reader_free(r);
	return result;
}
