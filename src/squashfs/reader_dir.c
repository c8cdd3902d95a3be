/* squashfs/reader_dir.c - directories: runs of up to 256 entries behind a header each */
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "squashfs/reader_private.h"

int sqfs_dir_open(
	struct sqfs_reader *r, const struct sqfs_inode *inode, struct sqfs_dir *dir, struct error *err)
{
	*dir = (struct sqfs_dir){ .left = (uint32_t)inode->size };
	if (dir->left == 0)
		return 0; /* its place may be anything */
	struct meta_cursor cursor;
	if (meta_seek(r->image, &r->image->directories, inode->dir.listing, &cursor, err) < 0)
		return -1;
	dir->block = cursor.block;
	dir->offset = cursor.offset;
	return 0;
}

static int take(struct sqfs_reader *r, struct sqfs_dir *dir, void *buf, size_t len, struct error *err)
{
	if (len > dir->left)
		return image_corrupt(r->image, err, "a directory ends inside an entry");
	struct meta_cursor cursor = { dir->block, dir->offset, r->image->directories.end };
	if (meta_read(r, &cursor, buf, len, err) < 0)
		return -1;
	dir->block = cursor.block;
	dir->offset = cursor.offset;
	dir->left -= (uint32_t)len;
	return 0;
}

static int take_header(struct sqfs_reader *r, struct sqfs_dir *dir, struct error *err)
{
	struct sqfs_dir_header h;
	if (take(r, dir, &h, sizeof(h), err) < 0)
		return -1;
	uint32_t count = le32toh(h.count);
	if (count >= SQFS_DIR_HEADER_ENTRIES)
		return image_corrupt(r->image, err, "a directory run of %u entries", count);
	dir->header_left = count + 1;
	dir->inode_block = le32toh(h.start_block);
	dir->number = le32toh(h.number);
	return 0;
}

/* CVE-2021-40153: a name must be a name. */
static bool is_name(const char *name, size_t len)
{
	return memchr(name, '\0', len) == NULL && memchr(name, '/', len) == NULL && !str_eq(name, ".") &&
	       !str_eq(name, "..");
}

int sqfs_dir_next(struct sqfs_reader *r, struct sqfs_dir *dir, struct sqfs_entry *entry, struct error *err)
{
	if (dir->left == 0)
		return 0;
	if (dir->header_left == 0 && take_header(r, dir, err) < 0)
		return -1;
	struct sqfs_dir_entry e;
	if (take(r, dir, &e, sizeof(e), err) < 0)
		return -1;
	size_t len = (size_t)le16toh(e.name_size) + 1;
	if (len >= sizeof(entry->name)) /* NAME_MAX */
		return image_corrupt(r->image, err, "a name of %zu bytes", len);
	if (take(r, dir, entry->name, len, err) < 0)
		return -1;
	entry->name[len] = '\0';
	unsigned type = le16toh(e.type);
	if (!is_name(entry->name, len) || type < SQFS_DIR || type > SQFS_SOCKET)
		return image_corrupt(
			r->image, err, "a directory entry called \"%s\" of type %u", entry->name, type);
	entry->name_len = (uint8_t)len;
	entry->type = (uint8_t)type;
	entry->ref = sqfs_ref(dir->inode_block, le16toh(e.offset));
	entry->number = dir->number + (uint32_t)(int16_t)le16toh((uint16_t)e.delta);
	dir->header_left--;
	return 1;
}

/* Move DIR to the last run that the index says begins at or before NAME. */
static int seek_index(struct sqfs_reader *r, const struct sqfs_inode *inode, const char *name,
	struct sqfs_dir *dir, struct error *err)
{
	const struct sqfs_image *image = r->image;
	struct meta_cursor cursor;
	if (inode->dir.index_count == 0)
		return 0;
	if (meta_seek(image, &image->inodes, inode->dir.index, &cursor, err) < 0)
		return -1;
	uint32_t listing_offset = sqfs_ref_offset(inode->dir.listing);
	for (uint32_t i = 0; i < inode->dir.index_count; i++) {
		struct sqfs_dir_index index;
		char first[SQFS_NAME_MAX + 1];
		if (meta_read(r, &cursor, &index, sizeof(index), err) < 0)
			return -1;
		size_t len = (size_t)le32toh(index.name_size) + 1;
		uint32_t at = le32toh(index.index);
		if (len > SQFS_NAME_MAX || at > inode->size)
			return image_corrupt(image, err, "a bad directory index");
		if (meta_read(r, &cursor, first, len, err) < 0)
			return -1;
		first[len] = '\0';
		if (strcmp(first, name) > 0)
			break;
		dir->block = image->directories.start + le32toh(index.start_block);
		dir->offset = (listing_offset + at) % SQFS_METADATA_SIZE;
		dir->left = (uint32_t)inode->size - at;
		dir->header_left = 0;
	}
	return 0;
}

/* Look for NAME until LEFT bytes of the listing remain. */
static int scan(struct sqfs_reader *r, struct sqfs_dir *dir, uint32_t left, const char *name, size_t len,
	struct sqfs_entry *entry, struct error *err)
{
	int n = 0;
	while (dir->left > left && (n = sqfs_dir_next(r, dir, entry, err)) == 1) {
		if (entry->name_len == len && memcmp(entry->name, name, len) == 0)
			return 1;
	}
	return n < 0 ? -1 : 0;
}

int sqfs_dir_lookup(struct sqfs_reader *r, const struct sqfs_inode *inode, const char *name, size_t len,
	struct sqfs_entry *entry, struct error *err)
{
	if (len == 0 || len >= sizeof(entry->name))
		return 0;
	char text[sizeof(entry->name)];
	memcpy(text, name, len);
	text[len] = '\0';
	struct sqfs_dir dir, start;
	if (sqfs_dir_open(r, inode, &start, err) < 0)
		return -1;
	dir = start;
	if (seek_index(r, inode, text, &dir, err) < 0)
		return -1;
	uint32_t left = dir.left;
	int found = scan(r, &dir, 0, name, len, entry, err);
	if (found != 0)
		return found;
	/* Names need not be sorted: what the index skipped comes last. */
	return scan(r, &start, left, name, len, entry, err);
}

int sqfs_lookup_path(struct sqfs_reader *r, const char *path, struct sqfs_inode *inode, struct error *err)
{
	if (sqfs_root(r, inode, err) < 0)
		return -1;
	while (*(path += strspn(path, "/")) != '\0') {
		size_t len = strcspn(path, "/");
		struct sqfs_entry entry;
		if (inode->type != SQFS_DIR)
			return 0;
		int found = sqfs_dir_lookup(r, inode, path, len, &entry, err);
		if (found <= 0)
			return found;
		if (sqfs_inode(r, entry.ref, inode, err) < 0)
			return -1;
		path += len;
	}
	return 1;
}
