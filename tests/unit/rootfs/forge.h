/*
 * tests/unit/rootfs/forge.h - images put together by hand, so that they can say what no packer would
 *
 * Everything is stored uncompressed in one block a table: a few dozen inodes.
 */
#pragma once

#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "squashfs/format.h"

struct forge {
	struct buffer data, inodes, dirs, fragments;
	uint32_t count; /* inodes */
};

struct forge_entry {
	const char *name;
	uint32_t inode; /* what forge_…() returned */
	uint16_t type;
};

static inline void forge_put(struct buffer *b, const void *data, size_t len)
{
	buffer_append(b, data, len);
}

static inline struct sqfs_inode_header forge_header(struct forge *f, uint16_t type, uint16_t mode)
{
	return (struct sqfs_inode_header){
		.type = type, .mode = mode, .mtime = 1234567, .number = ++f->count
	};
}

static inline uint32_t forge_symlink(struct forge *f, const char *target)
{
	uint32_t at = (uint32_t)f->inodes.len;
	struct sqfs_inode_symlink i = { forge_header(f, SQFS_SYMLINK, 0777), 1, (uint32_t)strlen(target) };
	forge_put(&f->inodes, &i, sizeof(i));
	forge_put(&f->inodes, target, strlen(target));
	return at;
}

/* A file of one stored block: less than 128 KiB. */
static inline uint32_t forge_file(struct forge *f, uint16_t mode, uint32_t nlink, const char *text)
{
	uint32_t at = (uint32_t)f->inodes.len, len = (uint32_t)strlen(text);
	struct sqfs_inode_ext_file i = { .h = forge_header(f, SQFS_EXT_FILE, mode),
		.start_block = SQFS_SUPERBLOCK_SIZE + f->data.len,
		.file_size = len,
		.nlink = nlink,
		.fragment = SQFS_NO_FRAGMENT,
		.xattr = SQFS_NO_XATTR };
	forge_put(&f->inodes, &i, sizeof(i));
	uint32_t word = len | SQFS_BLOCK_STORED;
	if (len != 0)
		forge_put(&f->inodes, &word, sizeof(word));
	forge_put(&f->data, text, len);
	return at;
}

/* A file with any size, place and fragment, and one block size word. */
static inline uint32_t forge_odd_file(
	struct forge *f, uint64_t size, uint64_t start, uint32_t fragment, uint32_t offset, uint32_t word)
{
	uint32_t at = (uint32_t)f->inodes.len;
	struct sqfs_inode_ext_file i = { .h = forge_header(f, SQFS_EXT_FILE, 0644),
		.start_block = start,
		.file_size = size,
		.nlink = 1,
		.fragment = fragment,
		.offset = offset,
		.xattr = SQFS_NO_XATTR };
	forge_put(&f->inodes, &i, sizeof(i));
	forge_put(&f->inodes, &word, sizeof(word));
	return at;
}

static inline uint32_t forge_device(struct forge *f, uint16_t type, uint32_t rdev)
{
	uint32_t at = (uint32_t)f->inodes.len;
	struct sqfs_inode_device i = { forge_header(f, type, 0600), 1, rdev };
	forge_put(&f->inodes, &i, sizeof(i));
	return at;
}

static inline uint32_t forge_ipc(struct forge *f, uint16_t type)
{
	uint32_t at = (uint32_t)f->inodes.len;
	struct sqfs_inode_ipc i = { forge_header(f, type, 0640), 1 };
	forge_put(&f->inodes, &i, sizeof(i));
	return at;
}

/* ENTRIES end with a NULL name. */
static inline uint32_t forge_dir(struct forge *f, uint16_t mode, const struct forge_entry *entries)
{
	uint32_t at = (uint32_t)f->inodes.len, listing = (uint32_t)f->dirs.len, count = 0;
	while (entries[count].name != NULL)
		count++;
	struct sqfs_dir_header h = { .count = count - 1, .number = 1 };
	if (count != 0)
		forge_put(&f->dirs, &h, sizeof(h));
	for (uint32_t i = 0; i < count; i++) {
		size_t len = strlen(entries[i].name);
		struct sqfs_dir_entry e = { (uint16_t)entries[i].inode, 0, entries[i].type,
			(uint16_t)(len - 1) };
		forge_put(&f->dirs, &e, sizeof(e));
		forge_put(&f->dirs, entries[i].name, len);
	}
	struct sqfs_inode_dir d = { .h = forge_header(f, SQFS_DIR, mode),
		.nlink = 2,
		.file_size = (uint16_t)(f->dirs.len - listing + SQFS_DIR_SIZE_EXTRA),
		.offset = (uint16_t)listing,
		.parent = 1 };
	forge_put(&f->inodes, &d, sizeof(d));
	return at;
}

/* A metadata block, not compressed. */
static inline uint64_t forge_block(struct buffer *out, const struct buffer *b)
{
	uint64_t at = out->len;
	uint16_t header = (uint16_t)(b->len | SQFS_METADATA_STORED);
	forge_put(out, &header, sizeof(header));
	forge_put(out, b->data, b->len);
	return at;
}

/* The whole image in OUT; ROOT is a directory's inode. */
static inline void forge_finish(struct forge *f, uint32_t root, struct buffer *out)
{
	struct sqfs_superblock sb = { .magic = SQFS_MAGIC,
		.inodes = f->count,
		.block_size = 131072,
		.compression = 1,
		.block_log = 17,
		.no_ids = 1,
		.major = 4,
		.root_inode = root };
	_cleanup_buffer_ struct buffer ids = BUFFER_INIT;
	forge_put(&ids, "\0\0\0\0", 4);
	if (f->dirs.len == 0)
		forge_put(&f->dirs, "", 1);
	forge_put(out, &sb, sizeof(sb));
	forge_put(out, f->data.data, f->data.len);
	sb.inode_table_start = forge_block(out, &f->inodes);
	sb.directory_table_start = forge_block(out, &f->dirs);
	sb.fragment_table_start = sb.lookup_table_start = sb.xattr_id_table_start = UINT64_MAX;
	if (f->fragments.len != 0) {
		uint64_t at = forge_block(out, &f->fragments);
		sb.fragment_table_start = out->len;
		sb.fragments = (uint32_t)(f->fragments.len / sizeof(struct sqfs_fragment));
		forge_put(out, &at, sizeof(at));
	}
	uint64_t at = forge_block(out, &ids);
	sb.id_table_start = out->len;
	forge_put(out, &at, sizeof(at));
	sb.bytes_used = out->len;
	memcpy(out->data, &sb, sizeof(sb));
	buffer_cleanup(&f->data);
	buffer_cleanup(&f->inodes);
	buffer_cleanup(&f->dirs);
	buffer_cleanup(&f->fragments);
}
