#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "squashfs/writer_tables.h"

#define DELTA_MAX 32767

static const struct tree_inode *inode_of(const struct tables *t, uint32_t node)
{
	return tree_node(t->tree, node);
}

static size_t entry_size(const struct tables *t, uint32_t node)
{
	size_t len;
	tree_name(t->tree, node, &len);
	return sizeof(struct sqfs_dir_entry) + len;
}

/*
 * How many entries the next header is for: their inodes lie in one metadata block, their numbers are near the
 * first one's, and a header ends with the metadata block, so that each block begins with one that can be
 * indexed.
 */
static size_t run_length(const struct tables *t, const uint32_t *children, size_t count)
{
	uint32_t first = tree_node_inode(t->tree, children[0]);
	uint64_t block = sqfs_ref_block(tables_ref(t, first));
	int64_t number = tables_number(t, first);
	size_t bytes = t->dirs->used + sizeof(struct sqfs_dir_header), n = 0;
	count = MIN(count, SQFS_DIR_HEADER_ENTRIES);
	do {
		bytes += entry_size(t, children[n++]);
		if (n == count || bytes >= SQFS_METADATA_SIZE)
			break;
		uint32_t inode = tree_node_inode(t->tree, children[n]);
		int64_t delta = (int64_t)tables_number(t, inode) - number;
		if (sqfs_ref_block(tables_ref(t, inode)) != block || delta > DELTA_MAX || delta < -DELTA_MAX)
			break;
	} while (true);
	return n;
}

static int write_entry(struct tables *t, uint32_t node, uint32_t first_number, struct error *err)
{
	size_t len;
	const char *name = tree_name(t->tree, node, &len);
	uint32_t inode = tree_node_inode(t->tree, node);
	struct sqfs_dir_entry entry = {
		.offset = htole16((uint16_t)sqfs_ref_offset(tables_ref(t, inode))),
		.delta = (int16_t)htole16((uint16_t)(tables_number(t, inode) - first_number)),
		.type = htole16(inode_of(t, node)->type),
		.name_size = htole16((uint16_t)(len - 1)),
	};
	if (meta_append(t->dirs, &entry, sizeof(entry), err) < 0)
		return -1;
	return meta_append(t->dirs, name, len, err);
}

static int write_run(struct tables *t, const uint32_t *children, size_t n, struct error *err)
{
	uint32_t first = tree_node_inode(t->tree, children[0]);
	struct sqfs_dir_header header = {
		.count = htole32((uint32_t)n - 1),
		.start_block = htole32((uint32_t)sqfs_ref_block(tables_ref(t, first))),
		.number = htole32(tables_number(t, first)),
	};
	if (meta_append(t->dirs, &header, sizeof(header), err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (write_entry(t, children[i], tables_number(t, first), err) < 0)
			return -1;
	return 0;
}

/* The next header lies SIZE bytes into the listing, in a metadata block that has no index entry yet. */
static void add_index(struct tables *t, uint32_t node, uint64_t size, struct dir_info *dir)
{
	size_t len;
	const char *name = tree_name(t->tree, node, &len);
	struct sqfs_dir_index index = {
		.index = htole32((uint32_t)size),
		.start_block = htole32((uint32_t)t->dirs->bytes),
		.name_size = htole32((uint32_t)(len - 1)),
	};
	if (dir->index_count == UINT16_MAX)
		return; /* the rest is found by walking on from here */
	buffer_append(&t->index, (const char *)&index, sizeof(index));
	buffer_append(&t->index, name, len);
	dir->index_count++;
	dir->index_len = (uint32_t)(t->index.len - dir->index_start);
}

int dir_write(
	struct tables *t, const uint32_t *children, size_t count, struct dir_info *dir, struct error *err)
{
	uint64_t begin = meta_ref(t->dirs), indexed = t->dirs->bytes, size = 0;
	*dir = (struct dir_info){
		.start_block = (uint32_t)sqfs_ref_block(begin),
		.offset = (uint16_t)sqfs_ref_offset(begin),
		.index_start = (uint32_t)t->index.len,
	};
	for (size_t i = 0, n; i < count; i += n) {
		if (t->dirs->bytes != indexed) {
			indexed = t->dirs->bytes;
			add_index(t, children[i], size, dir);
		}
		n = run_length(t, children + i, count - i);
		if (write_run(t, children + i, n, err) < 0)
			return -1;
		size += sizeof(struct sqfs_dir_header);
		for (size_t k = i; k < i + n; k++) {
			size += entry_size(t, children[k]);
			dir->subdirs += inode_of(t, children[k])->type == TREE_DIRECTORY;
		}
		if (size > UINT32_MAX - SQFS_DIR_SIZE_EXTRA)
			return error_set(
				err, EFBIG, "cannot write the image: a directory has too many entries");
	}
	dir->size = (uint32_t)size;
	return 0;
}
