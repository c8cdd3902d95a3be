/* squashfs/reader_inode.c - inodes and symlinks */
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "squashfs/reader_private.h"

static uint64_t cursor_place(const struct meta_cursor *cursor, const struct table *table)
{
	return sqfs_ref(cursor->block - table->start, cursor->offset);
}

static int read_dir(
	struct sqfs_reader *r, struct meta_cursor *c, bool ext, struct sqfs_inode *inode, struct error *err)
{
	if (ext) {
		struct sqfs_inode_ext_dir d;
		if (meta_read(r, c, &d.nlink, sizeof(d) - sizeof(d.h), err) < 0)
			return -1;
		inode->nlink = le32toh(d.nlink);
		inode->size = le32toh(d.file_size);
		inode->dir.listing = sqfs_ref(le32toh(d.start_block), le16toh(d.offset));
		inode->dir.parent = le32toh(d.parent);
		inode->dir.index_count = le16toh(d.index_count);
		inode->dir.index = cursor_place(c, &r->image->inodes);
		inode->xattrs = le32toh(d.xattr);
	} else {
		struct sqfs_inode_dir d;
		if (meta_read(r, c, &d.start_block, sizeof(d) - sizeof(d.h), err) < 0)
			return -1;
		inode->nlink = le32toh(d.nlink);
		inode->size = le16toh(d.file_size);
		inode->dir.listing = sqfs_ref(le32toh(d.start_block), le16toh(d.offset));
		inode->dir.parent = le32toh(d.parent);
	}
	inode->size -= MIN(inode->size, (uint64_t)SQFS_DIR_SIZE_EXTRA);
	return 0;
}

/* Derive the number of blocks, and bound it by what the inode table can hold. */
static int check_file(struct sqfs_reader *r, struct sqfs_inode *inode, struct error *err)
{
	const struct sqfs_image *image = r->image;
	uint32_t block_size = image->info.block_size;
	uint32_t tail = (uint32_t)(inode->size % block_size);
	uint64_t blocks = inode->size / block_size;
	if (tail == 0)
		inode->file.fragment = SQFS_NO_FRAGMENT;
	else if (inode->file.fragment == SQFS_NO_FRAGMENT)
		blocks++;
	else if (inode->file.fragment >= image->info.fragments)
		return image_corrupt(
			image, err, "fragment %u of %u", inode->file.fragment, image->info.fragments);
	else if (inode->file.fragment_offset > block_size - tail)
		return image_corrupt(image, err, "a file lies beyond its fragment");
	if (inode->size > INT64_MAX || blocks > UINT32_MAX ||
		blocks > table_capacity(&image->inodes) / sizeof(uint32_t))
		return image_corrupt(image, err, "a file of %" PRIu64 " bytes", inode->size);
	if (inode->file.start > image->info.bytes)
		return image_corrupt(image, err, "file data at %" PRIu64, inode->file.start);
	inode->file.blocks = (uint32_t)blocks;
	return 0;
}

static int read_file(
	struct sqfs_reader *r, struct meta_cursor *c, bool ext, struct sqfs_inode *inode, struct error *err)
{
	if (ext) {
		struct sqfs_inode_ext_file f;
		if (meta_read(r, c, &f.start_block, sizeof(f) - sizeof(f.h), err) < 0)
			return -1;
		inode->file.start = le64toh(f.start_block);
		inode->size = le64toh(f.file_size);
		inode->nlink = le32toh(f.nlink);
		inode->file.fragment = le32toh(f.fragment);
		inode->file.fragment_offset = le32toh(f.offset);
		inode->xattrs = le32toh(f.xattr);
	} else {
		struct sqfs_inode_file f;
		if (meta_read(r, c, &f.start_block, sizeof(f) - sizeof(f.h), err) < 0)
			return -1;
		inode->file.start = le32toh(f.start_block);
		inode->size = le32toh(f.file_size);
		inode->nlink = 1;
		inode->file.fragment = le32toh(f.fragment);
		inode->file.fragment_offset = le32toh(f.offset);
	}
	inode->file.list = cursor_place(c, &r->image->inodes);
	return check_file(r, inode, err);
}

static int read_symlink(
	struct sqfs_reader *r, struct meta_cursor *c, bool ext, struct sqfs_inode *inode, struct error *err)
{
	uint32_t words[2];
	if (meta_read(r, c, words, sizeof(words), err) < 0)
		return -1;
	inode->nlink = le32toh(words[0]);
	inode->size = le32toh(words[1]);
	inode->target = cursor_place(c, &r->image->inodes);
	if (inode->size == 0 || inode->size > SQFS_SYMLINK_MAX)
		return image_corrupt(r->image, err, "a symlink of %" PRIu64 " bytes", inode->size);
	if (!ext)
		return 0;
	uint32_t xattr;
	if (meta_read(r, c, NULL, inode->size, err) < 0 || meta_read(r, c, &xattr, sizeof(xattr), err) < 0)
		return -1;
	inode->xattrs = le32toh(xattr);
	return 0;
}

/* Devices, FIFOs and sockets: nlink, devices' numbers, and in the extended form an xattr index. */
static int read_special(
	struct sqfs_reader *r, struct meta_cursor *c, bool ext, struct sqfs_inode *inode, struct error *err)
{
	bool device = inode->type == SQFS_BLOCK_DEVICE || inode->type == SQFS_CHAR_DEVICE;
	uint32_t words[3];
	size_t count = 1u + device + ext;
	if (meta_read(r, c, words, count * sizeof(words[0]), err) < 0)
		return -1;
	inode->nlink = le32toh(words[0]);
	if (device)
		inode->rdev = le32toh(words[1]);
	if (ext)
		inode->xattrs = le32toh(words[count - 1]);
	return 0;
}

static int read_header(
	struct sqfs_reader *r, struct meta_cursor *c, bool *ext, struct sqfs_inode *inode, struct error *err)
{
	const struct sqfs_image *image = r->image;
	struct sqfs_inode_header h;
	if (meta_read(r, c, &h, sizeof(h), err) < 0)
		return -1;
	unsigned type = le16toh(h.type);
	if (type < SQFS_DIR || type > SQFS_EXT_SOCKET)
		return image_corrupt(image, err, "inode type %u", type);
	unsigned uid = le16toh(h.uid), gid = le16toh(h.gid);
	if (uid >= image->id_count || gid >= image->id_count)
		return image_corrupt(image, err, "id index %u of %u", MAX(uid, gid), image->id_count);
	*ext = type > SQFS_EXT;
	inode->type = *ext ? type - SQFS_EXT : type;
	inode->mode = le16toh(h.mode) & 07777;
	inode->uid = image->ids[uid];
	inode->gid = image->ids[gid];
	inode->mtime = le32toh(h.mtime);
	inode->number = le32toh(h.number);
	inode->xattrs = SQFS_NO_XATTR;
	return 0;
}

int sqfs_inode(struct sqfs_reader *r, uint64_t ref, struct sqfs_inode *inode, struct error *err)
{
	static int (*const readers[])(
		struct sqfs_reader *, struct meta_cursor *, bool, struct sqfs_inode *, struct error *) = {
		[SQFS_DIR] = read_dir,
		[SQFS_FILE] = read_file,
		[SQFS_SYMLINK] = read_symlink,
		[SQFS_BLOCK_DEVICE] = read_special,
		[SQFS_CHAR_DEVICE] = read_special,
		[SQFS_FIFO] = read_special,
		[SQFS_SOCKET] = read_special,
	};
	struct meta_cursor cursor;
	bool ext = false;
	*inode = (struct sqfs_inode){ .ref = ref };
	if (meta_seek(r->image, &r->image->inodes, ref, &cursor, err) < 0 ||
		read_header(r, &cursor, &ext, inode, err) < 0)
		return -1;
	return readers[inode->type](r, &cursor, ext, inode, err);
}

int sqfs_root(struct sqfs_reader *r, struct sqfs_inode *inode, struct error *err)
{
	if (sqfs_inode(r, r->image->root, inode, err) < 0)
		return -1;
	if (inode->type != SQFS_DIR)
		return image_corrupt(r->image, err, "its root is no directory");
	return 0;
}

char *sqfs_symlink(struct sqfs_reader *r, const struct sqfs_inode *inode, struct error *err)
{
	struct meta_cursor cursor;
	_cleanup_free_ char *text = xmalloc(inode->size + 1);
	if (meta_seek(r->image, &r->image->inodes, inode->target, &cursor, err) < 0 ||
		meta_read(r, &cursor, text, inode->size, err) < 0)
		return NULL;
	text[inode->size] = '\0';
	if (strlen(text) != inode->size) {
		(void)image_corrupt(r->image, err, "a symlink with a NUL in its target");
		return NULL;
	}
	return steal_pointer(&text);
}
