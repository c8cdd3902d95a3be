/*
 * squashfs/reader_private.h - shared by the reader's files only
 */
#pragma once

#include "squashfs/reader.h"

#define META_SLOTS 64 /* metadata blocks a reader keeps: half a megabyte at most, allocated as used */

struct sqfs_cache;

/* Blocks of metadata from START up to END; positions are absolute in the image. */
struct table {
	uint64_t start, end;
};

/* A table reached through an array of the positions of its metadata blocks. */
struct lookup_table {
	uint64_t *blocks; /* owned */
	uint32_t entries;
	uint32_t entry_size;
	uint64_t end; /* its metadata blocks lie before this */
};

struct sqfs_image {
	int fd; /* borrowed */
	char *name;
	uint64_t offset;
	struct sqfs_image_info info;
	uint64_t root;
	struct table inodes, directories, xattrs;
	uint32_t *ids;
	uint32_t id_count;
	struct lookup_table fragments, xattr_ids;
	struct sqfs_cache *cache; /* NULL: none */
};

struct meta_block {
	uint64_t position; /* absolute; 0: empty slot */
	uint64_t next;     /* where the following block begins */
	uint32_t len;
	uint8_t data[SQFS_METADATA_SIZE];
};

struct sqfs_reader {
	struct sqfs_image *image;
	struct sqfs_codec *codec;
	struct meta_block *meta[META_SLOTS];
	uint8_t *packed; /* a block as it lies on disk; allocated as used */
	uint8_t *last;   /* the last block decoded, where there is no shared cache */
	uint64_t last_key;
	uint32_t last_len;
	bool has_last;
};

/* A place in a table, uncompressed offset in a metadata block. */
struct meta_cursor {
	uint64_t block;
	uint32_t offset;
	uint64_t end;
};

/* "NAME: corrupt squashfs image: WHAT", EUCLEAN. Returns -1, where compilers can see it. */
void image_corrupt_(const struct sqfs_image *image, struct error *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
#define image_corrupt(...) (image_corrupt_(__VA_ARGS__), -1)

/* Read exactly LEN bytes at POSITION, all inside the image. */
int image_pread(const struct sqfs_image *image, void *buf, size_t len, uint64_t position, struct error *err);

/* ---- reader_meta.c ---- */

/* A cursor at the reference REF (sqfs_ref()) of TABLE. */
int meta_seek(const struct sqfs_image *image, const struct table *table, uint64_t ref,
	struct meta_cursor *cursor, struct error *err);
/* Read LEN bytes and move on. BUF NULL: skip them. */
int meta_read(struct sqfs_reader *r, struct meta_cursor *cursor, void *buf, size_t len, struct error *err);
/* Read entry INDEX of a lookup table. */
int meta_lookup(struct sqfs_reader *r, const struct lookup_table *table, uint32_t index, void *entry,
	struct error *err);
/* The most bytes that a table can hold when uncompressed. */
uint64_t table_capacity(const struct table *table);

/* ---- reader_cache.c: decoded blocks, shared between readers ---- */

struct cache_slot;

struct sqfs_cache *cache_new(size_t bytes, uint32_t block_size);
void cache_free(struct sqfs_cache *cache);
/*
 * Find the block KEY and pin it, waiting where another thread is just decoding it. *FILL becomes true if the
 * caller must decode into cache_slot_data() and call cache_filled(). NULL: every slot is pinned.
 */
struct cache_slot *cache_pin(struct sqfs_cache *cache, uint64_t key, bool *fill);
uint8_t *cache_slot_data(struct cache_slot *slot);
uint32_t cache_slot_len(const struct cache_slot *slot);
/* LEN 0: decoding failed; the slot is dropped (and still unpinned by its holders). */
void cache_filled(struct sqfs_cache *cache, struct cache_slot *slot, uint32_t len);
void cache_unpin(struct sqfs_cache *cache, struct cache_slot *slot);
