/*
 * squashfs/format.h - squashfs 4.0 as it lies on disk
 *
 * All numbers are little-endian: le16toh() and friends. Names follow the kernel's fs/squashfs/squashfs_fs.h and
 * Documentation/filesystems/squashfs.rst, where the layout is described.
 */
#pragma once

#include <endian.h>
#include <stdint.h>

#define SQFS_MAGIC              0x73717368u /* "hsqs" */
#define SQFS_SUPERBLOCK_SIZE    96u
#define SQFS_MAJOR              4u
#define SQFS_MINOR              0u
#define SQFS_BLOCK_SIZE_MIN     (4u * 1024)
#define SQFS_BLOCK_SIZE_MAX     (1024u * 1024)
#define SQFS_METADATA_SIZE      8192u      /* bytes in a metadata block, uncompressed */
#define SQFS_METADATA_STORED    0x8000u    /* in its header: not compressed */
#define SQFS_BLOCK_STORED       0x1000000u /* in the size of a data block or fragment: not compressed */
#define SQFS_BLOCK_SIZE_MASK    0xffffffu
#define SQFS_NO_TABLE           UINT64_MAX
#define SQFS_NO_FRAGMENT        UINT32_MAX
#define SQFS_NO_XATTR           UINT32_MAX
#define SQFS_NAME_MAX           256u /* bytes in a directory entry's name; 0 is not a length */
#define SQFS_DIR_HEADER_ENTRIES 256u /* entries behind one directory header */
#define SQFS_DIR_SIZE_EXTRA     3u   /* a directory's file_size counts "." and ".." as this many bytes */
#define SQFS_SYMLINK_MAX        65535u
#define SQFS_PAD                4096u

/* Superblock flags. */
enum {
	SQFS_FLAG_PLAIN_INODES = 0x0001,
	SQFS_FLAG_PLAIN_DATA = 0x0002,
	SQFS_FLAG_CHECK = 0x0004,
	SQFS_FLAG_PLAIN_FRAGMENTS = 0x0008,
	SQFS_FLAG_NO_FRAGMENTS = 0x0010,
	SQFS_FLAG_ALWAYS_FRAGMENTS = 0x0020,
	SQFS_FLAG_DUPLICATES = 0x0040, /* duplicates were looked for */
	SQFS_FLAG_EXPORTABLE = 0x0080, /* has an export table */
	SQFS_FLAG_PLAIN_XATTRS = 0x0100,
	SQFS_FLAG_NO_XATTRS = 0x0200,
	SQFS_FLAG_COMPRESSOR_OPTIONS = 0x0400,
	SQFS_FLAG_PLAIN_IDS = 0x0800,
};

struct sqfs_superblock {
	uint32_t magic;
	uint32_t inodes;
	uint32_t mkfs_time;
	uint32_t block_size;
	uint32_t fragments;
	uint16_t compression; /* enum sqfs_compression */
	uint16_t block_log;
	uint16_t flags;
	uint16_t no_ids;
	uint16_t major;
	uint16_t minor;
	uint64_t root_inode; /* a reference, see sqfs_ref() */
	uint64_t bytes_used;
	uint64_t id_table_start;
	uint64_t xattr_id_table_start;
	uint64_t inode_table_start;
	uint64_t directory_table_start;
	uint64_t fragment_table_start;
	uint64_t lookup_table_start;
} __attribute__((packed));

_Static_assert(sizeof(struct sqfs_superblock) == SQFS_SUPERBLOCK_SIZE, "superblock");

/* A place in a metadata table: start of the metadata block relative to the table << 16 | offset inside it. */
static inline uint64_t sqfs_ref(uint64_t block, uint32_t offset)
{
	return block << 16 | offset;
}
static inline uint64_t sqfs_ref_block(uint64_t ref)
{
	return ref >> 16 & 0xffffffffu;
}
static inline uint32_t sqfs_ref_offset(uint64_t ref)
{
	return ref & 0xffff;
}

enum sqfs_inode_type {
	SQFS_DIR = 1,
	SQFS_FILE,
	SQFS_SYMLINK,
	SQFS_BLOCK_DEVICE,
	SQFS_CHAR_DEVICE,
	SQFS_FIFO,
	SQFS_SOCKET,
	SQFS_EXT = 7, /* added to the above: the extended form */
	SQFS_EXT_DIR = 8,
	SQFS_EXT_FILE,
	SQFS_EXT_SYMLINK,
	SQFS_EXT_BLOCK_DEVICE,
	SQFS_EXT_CHAR_DEVICE,
	SQFS_EXT_FIFO,
	SQFS_EXT_SOCKET,
};

/* What every inode begins with. */
struct sqfs_inode_header {
	uint16_t type;
	uint16_t mode; /* permission bits only */
	uint16_t uid;  /* index in the id table */
	uint16_t gid;
	uint32_t mtime;
	uint32_t number; /* from 1 */
} __attribute__((packed));

struct sqfs_inode_dir {
	struct sqfs_inode_header h;
	uint32_t start_block; /* in the directory table */
	uint32_t nlink;
	uint16_t file_size; /* + SQFS_DIR_SIZE_EXTRA */
	uint16_t offset;
	uint32_t parent; /* inode number; the root's is the number of inodes + 1 */
} __attribute__((packed));

struct sqfs_inode_ext_dir {
	struct sqfs_inode_header h;
	uint32_t nlink;
	uint32_t file_size;
	uint32_t start_block;
	uint32_t parent;
	uint16_t index_count; /* of the struct sqfs_dir_index that follow */
	uint16_t offset;
	uint32_t xattr;
} __attribute__((packed));

struct sqfs_dir_index {
	uint32_t index;       /* bytes of the directory before this header */
	uint32_t start_block; /* of the metadata block that holds it */
	uint32_t name_size;   /* - 1 */
			      /* the name of the header's first entry follows */
} __attribute__((packed));

struct sqfs_inode_file {
	struct sqfs_inode_header h;
	uint32_t start_block; /* from the start of the image */
	uint32_t fragment;    /* index in the fragment table or SQFS_NO_FRAGMENT */
	uint32_t offset;      /* inside the uncompressed fragment */
	uint32_t file_size;
	/* uint32_t block sizes follow; 0 is a hole of a block */
} __attribute__((packed));

struct sqfs_inode_ext_file {
	struct sqfs_inode_header h;
	uint64_t start_block;
	uint64_t file_size;
	uint64_t sparse; /* bytes saved by holes */
	uint32_t nlink;
	uint32_t fragment;
	uint32_t offset;
	uint32_t xattr;
	/* block sizes follow */
} __attribute__((packed));

struct sqfs_inode_symlink {
	struct sqfs_inode_header h;
	uint32_t nlink;
	uint32_t target_size;
	/* the target follows, without NUL; in the extended form then uint32_t xattr */
} __attribute__((packed));

struct sqfs_inode_device {
	struct sqfs_inode_header h;
	uint32_t nlink;
	uint32_t rdev; /* new_encode_dev; in the extended form uint32_t xattr follows */
} __attribute__((packed));

struct sqfs_inode_ipc { /* FIFO, socket */
	struct sqfs_inode_header h;
	uint32_t nlink; /* in the extended form uint32_t xattr follows */
} __attribute__((packed));

struct sqfs_dir_header {
	uint32_t count;       /* entries - 1 */
	uint32_t start_block; /* of the inodes, in the inode table */
	uint32_t number;      /* the entries' inode numbers are relative to this */
} __attribute__((packed));

struct sqfs_dir_entry {
	uint16_t offset;    /* of the inode in its metadata block */
	int16_t delta;      /* of the inode number */
	uint16_t type;      /* the basic one */
	uint16_t name_size; /* - 1 */
			    /* the name follows */
} __attribute__((packed));

struct sqfs_fragment {
	uint64_t start; /* from the start of the image */
	uint32_t size;  /* may carry SQFS_BLOCK_STORED */
	uint32_t unused;
} __attribute__((packed));

enum sqfs_xattr_type {
	SQFS_XATTR_USER = 0,
	SQFS_XATTR_TRUSTED = 1,
	SQFS_XATTR_SECURITY = 2,
	SQFS_XATTR_PREFIX_MASK = 0xff,
	SQFS_XATTR_OUT_OF_LINE = 0x100, /* the value is a uint64_t reference to one in the xattr table */
};

struct sqfs_xattr_entry {
	uint16_t type;
	uint16_t name_size; /* the name follows, without its prefix; then uint32_t value_size and the value */
} __attribute__((packed));

struct sqfs_xattr_id {
	uint64_t xattr; /* reference from the start of the xattr table */
	uint32_t count;
	uint32_t size; /* bytes, uncompressed */
} __attribute__((packed));

struct sqfs_xattr_table {
	uint64_t xattr_table_start;
	uint32_t ids;
	uint32_t unused;
	/* uint64_t positions of the metadata blocks of struct sqfs_xattr_id follow */
} __attribute__((packed));
