#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "squashfs/writer_tables.h"

_Static_assert((int)TREE_DIRECTORY == SQFS_DIR && (int)TREE_FILE == SQFS_FILE &&
		       (int)TREE_SYMLINK == SQFS_SYMLINK && (int)TREE_BLOCK_DEVICE == SQFS_BLOCK_DEVICE &&
		       (int)TREE_CHAR_DEVICE == SQFS_CHAR_DEVICE && (int)TREE_FIFO == SQFS_FIFO &&
		       (int)TREE_SOCKET == SQFS_SOCKET,
	"the tree counts its types as squashfs does");

/* What goes into every inode. */
struct common {
	struct sqfs_inode_header header;
	uint32_t nlink;
	uint32_t xattr; /* SQFS_NO_XATTR: none */
};

static struct sqfs_inode_header header_of(const struct common *c, bool extended)
{
	struct sqfs_inode_header h = c->header;
	h.type = htole16((uint16_t)(h.type + (extended ? SQFS_EXT : 0)));
	return h;
}

static int write_dir(struct tables *t, const struct common *c, const struct dir_info *dir, uint32_t parent,
	struct error *err)
{
	uint32_t size = dir->size + SQFS_DIR_SIZE_EXTRA, nlink = dir->subdirs + 2;
	if (size <= UINT16_MAX && dir->index_count == 0 && c->xattr == SQFS_NO_XATTR) {
		struct sqfs_inode_dir inode = {
			.h = header_of(c, false),
			.start_block = htole32(dir->start_block),
			.nlink = htole32(nlink),
			.file_size = htole16((uint16_t)size),
			.offset = htole16(dir->offset),
			.parent = htole32(parent),
		};
		return meta_append(t->inodes, &inode, sizeof(inode), err);
	}
	struct sqfs_inode_ext_dir inode = {
		.h = header_of(c, true),
		.nlink = htole32(nlink),
		.file_size = htole32(size),
		.start_block = htole32(dir->start_block),
		.parent = htole32(parent),
		.index_count = htole16(dir->index_count),
		.offset = htole16(dir->offset),
		.xattr = htole32(c->xattr),
	};
	if (meta_append(t->inodes, &inode, sizeof(inode), err) < 0)
		return -1;
	return meta_append(t->inodes, t->index.data + dir->index_start, dir->index_len, err);
}

/* Where a file's bytes are, as an inode says it. */
struct location {
	uint64_t start;
	uint32_t fragment, offset;
	const uint32_t *blocks;
	uint64_t block_count;
	uint64_t sparse; /* bytes */
};

static uint64_t sparse_bytes(const struct location *l, uint64_t size, uint32_t block_size)
{
	uint64_t bytes = 0;
	for (uint64_t i = 0; i < l->block_count; i++)
		if (l->blocks[i] == 0)
			bytes += MIN(block_size, size - i * block_size);
	return bytes;
}

static int locate(
	struct tables *t, uint32_t node, const struct tree_inode *file, struct location *l, struct error *err)
{
	const struct sqfs_writer *w = t->w;
	*l = (struct location){ .fragment = SQFS_NO_FRAGMENT };
	if (file->size == 0)
		return 0;
	const struct data_record *r = file->data < w->record_count ? &w->records[file->data] : NULL;
	bool small = writer_is_small(w, file->size);
	uint64_t count = small ? 0 : writer_blocks_of(w, file->size);
	if (r == NULL || r->size_lo != (uint32_t)file->size || (small && r->start >= t->fragments) ||
		r->at + count > (small ? UINT32_MAX : w->block_count)) {
		_cleanup_free_ char *path = tree_path(t->tree, node);
		return error_set(err, EINVAL, "cannot write the image: the data of %s are missing", path);
	}
	if (small) {
		l->fragment = t->fragment_map[r->start];
		l->offset = r->at;
		return 0;
	}
	l->start = r->start;
	l->blocks = w->blocks + r->at;
	l->block_count = count;
	l->sparse = sparse_bytes(l, file->size, w->options.block_size);
	return 0;
}

static int write_file(struct tables *t, uint32_t node, const struct common *c, const struct tree_inode *file,
	struct error *err)
{
	struct location l;
	if (locate(t, node, file, &l, err) < 0)
		return -1;
	int r;
	if (l.start <= UINT32_MAX && file->size <= UINT32_MAX && l.sparse == 0 && c->nlink == 1 &&
		c->xattr == SQFS_NO_XATTR) {
		struct sqfs_inode_file inode = {
			.h = header_of(c, false),
			.start_block = htole32((uint32_t)l.start),
			.fragment = htole32(l.fragment),
			.offset = htole32(l.offset),
			.file_size = htole32((uint32_t)file->size),
		};
		r = meta_append(t->inodes, &inode, sizeof(inode), err);
	} else {
		struct sqfs_inode_ext_file inode = {
			.h = header_of(c, true),
			.start_block = htole64(l.start),
			.file_size = htole64(file->size),
			.sparse = htole64(l.sparse),
			.nlink = htole32(c->nlink),
			.fragment = htole32(l.fragment),
			.offset = htole32(l.offset),
			.xattr = htole32(c->xattr),
		};
		r = meta_append(t->inodes, &inode, sizeof(inode), err);
	}
	if (r == 0)
		r = meta_append(t->inodes, l.blocks, l.block_count * sizeof(*l.blocks), err);
	return r;
}

/* The extended forms of the small types end in the index of the attributes. */
static int write_xattr(struct tables *t, const struct common *c, struct error *err)
{
	uint32_t xattr = htole32(c->xattr);
	return c->xattr == SQFS_NO_XATTR ? 0 : meta_append(t->inodes, &xattr, sizeof(xattr), err);
}

static int write_symlink(
	struct tables *t, const struct common *c, const struct tree_inode *link, struct error *err)
{
	size_t len;
	const char *target = tree_symlink_target(t->tree, link, &len);
	if (len > SQFS_SYMLINK_MAX)
		return error_set(err, ENAMETOOLONG, "cannot write the image: a symlink is too long");
	struct sqfs_inode_symlink inode = {
		.h = header_of(c, c->xattr != SQFS_NO_XATTR),
		.nlink = htole32(c->nlink),
		.target_size = htole32((uint32_t)len),
	};
	if (meta_append(t->inodes, &inode, sizeof(inode), err) < 0 ||
		meta_append(t->inodes, target, len, err) < 0)
		return -1;
	return write_xattr(t, c, err);
}

static int write_device(
	struct tables *t, const struct common *c, const struct tree_inode *device, struct error *err)
{
	struct sqfs_inode_device inode = {
		.h = header_of(c, c->xattr != SQFS_NO_XATTR),
		.nlink = htole32(c->nlink),
		.rdev = htole32(device->rdev),
	};
	if (meta_append(t->inodes, &inode, sizeof(inode), err) < 0)
		return -1;
	return write_xattr(t, c, err);
}

static int write_ipc(struct tables *t, const struct common *c, struct error *err)
{
	struct sqfs_inode_ipc inode = {
		.h = header_of(c, c->xattr != SQFS_NO_XATTR),
		.nlink = htole32(c->nlink),
	};
	if (meta_append(t->inodes, &inode, sizeof(inode), err) < 0)
		return -1;
	return write_xattr(t, c, err);
}

int inode_write(
	struct tables *t, uint32_t node, const struct dir_info *dir, uint32_t parent, struct error *err)
{
	uint32_t id = tree_node_inode(t->tree, node);
	const struct tree_inode *inode = tree_inode(t->tree, id);
	const struct sqfs_options *o = &t->w->options;
	struct common c = {
		.header = {
			.type = inode->type,
			.mode = htole16(inode->mode & 07777),
			.mtime = htole32(o->has_all_time ? o->all_time : inode->mtime),
			.number = htole32(tables_number(t, id)),
		},
		.nlink = inode->nlink,
	};
	if (xattr_index(t, inode->xattrs, &c.xattr, err) < 0)
		return -1;
	t->refs[tables_number(t, id) - 1] = meta_ref(t->inodes);
	switch ((enum tree_type)inode->type) {
	case TREE_DIRECTORY:
		return write_dir(t, &c, dir, parent, err);
	case TREE_FILE:
		return write_file(t, node, &c, inode, err);
	case TREE_SYMLINK:
		return write_symlink(t, &c, inode, err);
	case TREE_BLOCK_DEVICE:
	case TREE_CHAR_DEVICE:
		return write_device(t, &c, inode, err);
	case TREE_FIFO:
	case TREE_SOCKET:
		return write_ipc(t, &c, err);
	}
	return error_set(err, EINVAL, "cannot write the image: unknown type of inode %u", inode->type);
}
