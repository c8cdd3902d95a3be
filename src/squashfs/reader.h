/*
 * squashfs/reader.h - reading squashfs 4.0 images
 *
 * An image is hostile: every offset, size, count and index is checked before use, nothing recurses, and memory
 * is bounded by the size of the file. A struct sqfs_image is opened once and then only read, by any number of
 * threads; each thread has its own struct sqfs_reader (decoder, small caches). Reads are pread(2) only.
 *
 * Errors: functions return -1 (or NULL) and set ERR to one message that names the image. err->code is ENOEXEC
 * where the open finds no usable squashfs image ("Invalid image format: NAME", the hint says why), EUCLEAN where
 * something is corrupt later on, else as pread(2).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "squashfs/codec.h"
#include "squashfs/format.h"

struct sqfs_image;  /* shared between threads */
struct sqfs_reader; /* one a thread */

struct sqfs_image_options {
	uint64_t offset;    /* where the image begins in the file */
	size_t cache_bytes; /* decoded blocks shared between the readers; 0: each keeps only its last one */
};

/*
 * Open the image in FD (borrowed until the close). NAME is what messages call it; copied. OPTIONS may be NULL.
 */
struct sqfs_image *sqfs_image_open(
	int fd, const char *name, const struct sqfs_image_options *options, struct error *err);
void sqfs_image_close(struct sqfs_image *image); /* after its readers */

struct sqfs_image_info {
	enum sqfs_compression compression;
	uint32_t block_size; /* bytes */
	uint32_t inodes;     /* an upper bound on what can be met: checked against the size of the table */
	uint32_t fragments;
	uint32_t mkfs_time; /* seconds since 1970 */
	uint64_t bytes;     /* of the image, without padding */
	bool has_xattrs;
};
const struct sqfs_image_info *sqfs_image_info(const struct sqfs_image *image);

struct sqfs_reader *sqfs_reader_new(struct sqfs_image *image, struct error *err);
void sqfs_reader_free(struct sqfs_reader *reader);

/* ---- inodes ---- */

struct sqfs_inode {
	uint64_t ref;              /* its place in the image: what identifies an inode (numbers may lie) */
	enum sqfs_inode_type type; /* the basic one, SQFS_DIR to SQFS_SOCKET */
	uint16_t mode;             /* permission bits 07777 */
	uint32_t uid, gid;
	uint32_t mtime;  /* seconds since 1970 */
	uint32_t number; /* as the image says; may be 0 or not unique in a hostile one */
	uint32_t nlink;
	uint32_t xattrs; /* index, or SQFS_NO_XATTR */
	uint64_t size;   /* files: bytes; symlinks: bytes of the target; directories: bytes of the listing */
	union {
		struct {
			uint64_t start; /* of the first block, in the image */
			uint64_t list;  /* place of the block sizes in the inode table */
			uint32_t blocks;
			uint32_t fragment, fragment_offset; /* SQFS_NO_FRAGMENT: none */
		} file;
		struct {
			uint64_t listing; /* place in the directory table */
			uint64_t index;   /* place of the index in the inode table */
			uint32_t index_count;
			uint32_t parent; /* inode number */
		} dir;
		uint64_t target; /* symlinks: place of the text in the inode table */
		uint32_t rdev;   /* devices: as the kernel's new_encode_dev */
	};
};

int sqfs_root(struct sqfs_reader *r, struct sqfs_inode *inode, struct error *err); /* a directory, or error */
int sqfs_inode(struct sqfs_reader *r, uint64_t ref, struct sqfs_inode *inode, struct error *err);

/* The target of a symlink, NUL-terminated (never empty, no NUL inside); the caller owns it. NULL with ERR. */
char *sqfs_symlink(struct sqfs_reader *r, const struct sqfs_inode *inode, struct error *err);

/* ---- directories ---- */

struct sqfs_entry {
	char name[256]; /* NUL-terminated; never "", ".", "..", never with a slash */
	uint8_t name_len;
	uint8_t type;    /* the basic one, as the entry says: check against the inode */
	uint64_t ref;    /* of its inode */
	uint32_t number; /* of its inode, as the entry says */
};

/* A position in a directory: plain data that may be copied to come back to it. */
struct sqfs_dir {
	uint64_t block;  /* absolute position of a metadata block */
	uint32_t offset; /* in it, uncompressed */
	uint32_t left;   /* bytes of the listing */
	uint32_t header_left;
	uint32_t inode_block, number; /* of the current header */
};

/* INODE must be a directory. */
int sqfs_dir_open(
	struct sqfs_reader *r, const struct sqfs_inode *inode, struct sqfs_dir *dir, struct error *err);
/* Returns 1 with the next entry, 0 at the end, -1 with ERR. Names may come in any order, and twice. */
int sqfs_dir_next(struct sqfs_reader *r, struct sqfs_dir *dir, struct sqfs_entry *entry, struct error *err);
/* Find NAME. Returns 1 with the entry, 0 if it is not there, -1 with ERR. */
int sqfs_dir_lookup(struct sqfs_reader *r, const struct sqfs_inode *inode, const char *name, size_t len,
	struct sqfs_entry *entry, struct error *err);
/*
 * Follow PATH from the root, without following symlinks: for files of known names inside an image. Returns 1
 * with the inode, 0 if a component is missing or no directory, -1 with ERR.
 */
int sqfs_lookup_path(struct sqfs_reader *r, const char *path, struct sqfs_inode *inode, struct error *err);

/* ---- file data ---- */

enum sqfs_extent_kind { SQFS_EXTENT_HOLE, SQFS_EXTENT_BLOCK, SQFS_EXTENT_FRAGMENT };

/* A part of a file: one block or less. */
struct sqfs_extent {
	enum sqfs_extent_kind kind;
	bool stored;               /* BLOCK: not compressed */
	uint32_t len;              /* bytes of the file, 1 to the block size */
	uint64_t offset;           /* in the file */
	uint64_t disk;             /* BLOCK: place in the image */
	uint32_t disk_len;         /* BLOCK: bytes there */
	uint32_t fragment, within; /* FRAGMENT: its index, and the offset in it */
};

/* A position in a file: plain data that may be copied to come back to it. */
struct sqfs_extents {
	uint64_t list_block;
	uint32_t list_offset;
	uint32_t block, blocks;
	uint64_t offset, size, disk;
	uint32_t fragment, within;
	uint32_t fetched, used; /* of WORDS */
	uint32_t words[32];     /* block sizes read ahead */
};

/* INODE must be a regular file. */
int sqfs_extents_open(
	struct sqfs_reader *r, const struct sqfs_inode *inode, struct sqfs_extents *it, struct error *err);
/* Returns 1 with the next extent, 0 at the end, -1 with ERR. */
int sqfs_extents_next(
	struct sqfs_reader *r, struct sqfs_extents *it, struct sqfs_extent *extent, struct error *err);

/* Decode a BLOCK extent into OUT (extent->len bytes), past all caches. */
int sqfs_block_read(struct sqfs_reader *r, const struct sqfs_extent *extent, void *out, struct error *err);

/* The bytes of a BLOCK or FRAGMENT extent, through the caches. */
struct sqfs_data {
	const uint8_t *bytes; /* extent->len of them, good until the release and the reader's next get */
	void *slot;           /* private */
};
int sqfs_data_get(
	struct sqfs_reader *r, const struct sqfs_extent *extent, struct sqfs_data *data, struct error *err);
void sqfs_data_release(struct sqfs_reader *r, struct sqfs_data *data);

/* Read a whole file of at most MAX bytes (more: EFBIG); NUL-terminated beyond *LEN, owned by the caller. */
char *sqfs_read_file(
	struct sqfs_reader *r, const struct sqfs_inode *inode, size_t max, size_t *len, struct error *err);

/* ---- extended attributes ---- */

struct sqfs_xattr {
	char *name; /* with its prefix, NUL-terminated */
	uint8_t *value;
	uint32_t value_len;
};
struct sqfs_xattrs {
	struct sqfs_xattr *items;
	size_t count, capacity;
};

/* The set of index XATTRS (of an inode); SQFS_NO_XATTR gives an empty one. Clean up after success only. */
int sqfs_xattrs_read(struct sqfs_reader *r, uint32_t xattrs, struct sqfs_xattrs *list, struct error *err);
void sqfs_xattrs_cleanup(struct sqfs_xattrs *list);
