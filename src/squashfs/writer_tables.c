#include "squashfs/writer_tables.h"

#include <errno.h>
#include <string.h>

#include "base/interrupt.h"
#include "base/memory.h"

/* A directory that was entered and not left. */
struct frame {
	uint32_t node;
	uint32_t next;           /* of its children, to be looked at */
	size_t first_child, end; /* in t->children */
	size_t first_info, first_index;
};

static void number_inode(struct tables *t, uint32_t inode)
{
	if (t->numbers[inode] != 0)
		return;
	t->refs[t->inode_count] = SQFS_NO_TABLE;
	t->numbers[inode] = ++t->inode_count;
}

static void enter(struct tables *t, uint32_t node)
{
	size_t n = tree_sorted_children(t->tree, node, &t->sorted, &t->sorted_capacity);
	grow_array(&t->children, &t->child_capacity, t->child_count + n);
	grow_array(&t->frames, &t->frame_capacity, t->depth + 1);
	for (size_t i = 0; i < n; i++) {
		t->children[t->child_count + i] = t->sorted[i];
		number_inode(t, tree_node_inode(t->tree, t->sorted[i]));
	}
	t->frames[t->depth++] = (struct frame){
		.node = node,
		.first_child = t->child_count,
		.end = t->child_count + n,
		.first_info = t->info_count,
		.first_index = t->index.len,
	};
	t->child_count += n;
}

/* All directories below are left: write the inodes of the children, then the listing that refers to them. */
static int leave(struct tables *t, struct error *err)
{
	struct frame *f = &t->frames[t->depth - 1];
	uint32_t number = tables_number(t, tree_node_inode(t->tree, f->node));
	const struct dir_info *info =
		t->infos != NULL ? t->infos + f->first_info : NULL; /* NULL: no directories */
	for (size_t i = f->first_child; i < f->end; i++) {
		uint32_t child = t->children[i], inode = tree_node_inode(t->tree, child);
		bool is_dir = tree_inode(t->tree, inode)->type == TREE_DIRECTORY;
		if (tables_ref(t, inode) == SQFS_NO_TABLE && inode_write(t, child, info, number, err) < 0)
			return -1;
		if (is_dir)
			info++;
	}
	t->info_count = f->first_info;
	t->index.len = f->first_index;
	struct dir_info dir;
	if (dir_write(t, t->children + f->first_child, f->end - f->first_child, &dir, err) < 0)
		return -1;
	grow_array(&t->infos, &t->info_capacity, t->info_count + 1);
	t->infos[t->info_count++] = dir;
	t->child_count = f->first_child;
	t->depth--;
	return 0;
}

/* The next child that is a directory, or TREE_NONE. */
static uint32_t next_subdir(const struct tables *t, struct frame *f)
{
	while (f->first_child + f->next < f->end) {
		uint32_t child = t->children[f->first_child + f->next++];
		if (tree_node(t->tree, child)->type == TREE_DIRECTORY)
			return child;
	}
	return TREE_NONE;
}

static int walk(struct tables *t, struct error *err)
{
	uint32_t root = tree_node_inode(t->tree, TREE_ROOT);
	number_inode(t, root);
	enter(t, TREE_ROOT);
	while (t->depth != 0) {
		uint32_t subdir = next_subdir(t, &t->frames[t->depth - 1]);
		if (subdir != TREE_NONE)
			enter(t, subdir);
		else if (interrupt_check(err) < 0 || leave(t, err) < 0)
			return -1;
	}
	/* The parent of the root is by convention a number that no inode has. */
	return inode_write(t, TREE_ROOT, &t->infos[0], t->inode_count + 1, err);
}

/*
 * Number the fragments that the tree refers to. Those of files that were replaced later hold nothing; were
 * they kept, an image could have more fragments than inodes, which unsquashfs takes for corruption.
 */
static void select_fragments(struct tables *t)
{
	struct sqfs_writer *w = t->w;
	t->fragments = w->fragment_count;
	t->fragment_map = xcalloc(w->fragment_count, sizeof(*t->fragment_map));
	uint32_t inodes = tree_inode_count(t->tree);
	for (uint32_t i = 0; i < inodes; i++) {
		const struct tree_inode *inode = tree_inode(t->tree, i);
		if (inode->type != TREE_FILE || inode->nlink == 0 || inode->size == 0 ||
			inode->data >= w->record_count || !writer_is_small(w, inode->size))
			continue;
		uint64_t fragment = w->records[inode->data].start;
		if (fragment < w->fragment_count)
			t->fragment_map[fragment] = 1;
	}
	uint32_t kept = 0;
	for (size_t i = 0; i < w->fragment_count; i++) {
		if (t->fragment_map[i] == 0)
			continue;
		t->fragment_map[i] = kept;
		w->fragments[kept++] = w->fragments[i];
	}
	w->fragment_count = kept;
}

static struct sqfs_codec *codec_unless(const struct tables *t, bool plain)
{
	return plain ? NULL : t->codec;
}

/* Where the tables went, from the start of the image. */
struct places {
	uint64_t inodes, directories, fragments, exports, ids, xattrs;
};

static int write_tables(struct tables *t, struct places *at, struct error *err)
{
	struct sqfs_writer *w = t->w;
	struct output *out = &w->out;
	const struct sqfs_options *o = &w->options;
	uint32_t id = 0; /* root owns all */

	at->inodes = out->pos;
	if (walk(t, err) < 0 || meta_flush(t->inodes, err) < 0)
		return -1;
	at->directories = out->pos;
	if (meta_emit(t->dirs, out, err) < 0)
		return -1;
	for (uint32_t i = 0; i < t->inode_count; i++)
		t->refs[i] = htole64(t->refs[i]);
	if (meta_write_table(out, codec_unless(t, o->plain_fragments), w->fragments,
		    w->fragment_count * sizeof(*w->fragments), NULL, 0, &at->fragments, err) < 0 ||
		meta_write_table(out, codec_unless(t, o->plain_inodes), t->refs,
			t->inode_count * sizeof(*t->refs), NULL, 0, &at->exports, err) < 0 ||
		meta_write_table(
			out, codec_unless(t, o->plain_inodes), &id, sizeof(id), NULL, 0, &at->ids, err) < 0)
		return -1;
	return xattr_write_tables(t, &at->xattrs, err);
}

static uint16_t superblock_flags(const struct tables *t, bool has_options)
{
	const struct sqfs_options *o = &t->w->options;
	const struct {
		bool on;
		uint16_t flag;
	} flags[] = {
		{ o->plain_inodes, SQFS_FLAG_PLAIN_INODES | SQFS_FLAG_PLAIN_IDS },
		{ o->plain_data, SQFS_FLAG_PLAIN_DATA },
		{ o->plain_fragments, SQFS_FLAG_PLAIN_FRAGMENTS },
		{ o->plain_xattrs, SQFS_FLAG_PLAIN_XATTRS },
		{ o->no_fragments, SQFS_FLAG_NO_FRAGMENTS },
		{ !o->no_duplicates, SQFS_FLAG_DUPLICATES },
		{ t->xattrs.count == 0, SQFS_FLAG_NO_XATTRS },
		{ has_options, SQFS_FLAG_COMPRESSOR_OPTIONS },
		{ true, SQFS_FLAG_EXPORTABLE },
	};
	unsigned bits = 0;
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		bits |= flags[i].on ? flags[i].flag : 0;
	return (uint16_t)bits;
}

static int write_superblock(struct tables *t, const struct places *at, uint32_t mkfs_time, struct error *err)
{
	struct sqfs_writer *w = t->w;
	const struct sqfs_options *o = &w->options;
	uint8_t header[SQFS_SUPERBLOCK_SIZE + 2 + 64];
	size_t n = sqfs_codec_options(
		o->compression, o->level, o->block_size, header + SQFS_SUPERBLOCK_SIZE + 2);
	uint16_t options_header = htole16((uint16_t)(n | SQFS_METADATA_STORED));
	memcpy(header + SQFS_SUPERBLOCK_SIZE, &options_header, sizeof(options_header));

	struct sqfs_superblock sb = {
		.magic = htole32(SQFS_MAGIC),
		.inodes = htole32(t->inode_count),
		.mkfs_time = htole32(o->has_mkfs_time ? o->mkfs_time : mkfs_time),
		.block_size = htole32(o->block_size),
		.fragments = htole32((uint32_t)w->fragment_count),
		.compression = htole16(o->compression == SQFS_NONE ? SQFS_GZIP : (uint16_t)o->compression),
		.block_log = htole16((uint16_t)__builtin_ctz(o->block_size)),
		.flags = htole16(superblock_flags(t, n != 0)),
		.no_ids = htole16(1),
		.major = htole16(SQFS_MAJOR),
		.minor = htole16(SQFS_MINOR),
		.root_inode = t->refs[tables_number(t, tree_node_inode(t->tree, TREE_ROOT)) -
				      1] /* little-endian by now */,
		.bytes_used = htole64(w->out.pos),
		.id_table_start = htole64(at->ids),
		.xattr_id_table_start = htole64(at->xattrs),
		.inode_table_start = htole64(at->inodes),
		.directory_table_start = htole64(at->directories),
		.fragment_table_start = htole64(at->fragments),
		.lookup_table_start = htole64(at->exports),
	};
	memcpy(header, &sb, sizeof(sb));
	return output_patch(&w->out, 0, header, w->header_size, err);
}

static void tables_cleanup(struct tables *t)
{
	xattr_tables_cleanup(&t->xattrs);
	meta_free(t->inodes);
	meta_free(t->dirs);
	free(t->numbers);
	free(t->refs);
	free(t->fragment_map);
	free(t->frames);
	free(t->children);
	free(t->infos);
	free(t->sorted);
	buffer_cleanup(&t->index);
	sqfs_codec_free(t->codec);
}

int writer_write_tables(struct sqfs_writer *w, const struct tree *tree, uint32_t mkfs_time, uint64_t *bytes,
	struct error *err)
{
	const struct sqfs_options *o = &w->options;
	struct sqfs_codec *codec = sqfs_encoder_new(o->compression, o->level, o->block_size, err);
	if (codec == NULL)
		return -1;
	uint32_t inodes = tree_inode_count(tree);
	struct tables t = {
		.w = w,
		.tree = tree,
		.codec = codec,
		.inodes = meta_new(o->plain_inodes ? NULL : codec, &w->out),
		.dirs = meta_new(o->plain_inodes ? NULL : codec, NULL),
		.numbers = xcalloc(inodes, sizeof(*t.numbers)),
		.refs = xreallocarray(NULL, inodes, sizeof(*t.refs)),
	};
	struct places at = { 0 };
	select_fragments(&t);
	int r = write_tables(&t, &at, err);
	if (r == 0)
		r = write_superblock(&t, &at, mkfs_time, err);
	if (r == 0)
		r = output_end(&w->out, SQFS_PAD, err);
	if (r == 0 && bytes != NULL)
		*bytes = w->out.pos;
	tables_cleanup(&t);
	return r;
}
