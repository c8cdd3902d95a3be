/*
 * squashfs/writer_private.h - what the files of the writer share
 *
 * writer.c         the data phase: files → blocks and fragments
 * writer_commit.c  what happens to a finished block: position, deduplication
 * writer_tables.c  the second phase: walks the tree
 * writer_inode.c, writer_dir.c, writer_xattr.c   one kind of table each
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "squashfs/format.h"
#include "squashfs/writer.h"
#include "squashfs/writer_dedup.h"
#include "squashfs/writer_meta.h"
#include "squashfs/writer_output.h"
#include "squashfs/writer_pipeline.h"

/* All blocks of all files, holes too: 4 bytes each. Enough for 16 TiB in blocks of 128 KiB. */
#define BLOCKS_MAX (1u << 27)

/* Where the bytes of a file are. */
struct data_record {
	uint64_t start;   /* of the first block; of a small file the index of its fragment */
	uint32_t at;      /* index of the first block in all blocks; offset in the fragment */
	uint32_t size_lo; /* low half of the size, to notice a tree that says otherwise */
};

struct sqfs_writer {
	struct sqfs_options options;
	uint32_t header_size; /* superblock and compressor options */
	struct output out;    /* the committing thread's during the data phase */
	struct pipeline pipeline;
	struct hash_secrets secrets;

	/* Under the pipeline's lock: the feeder appends, the committing thread fills in. */
	struct data_record *records;
	size_t record_count, record_capacity;
	uint32_t *blocks; /* little-endian, as in an inode */
	size_t block_count, block_capacity;
	struct sqfs_fragment *fragments; /* little-endian */
	size_t fragment_count, fragment_capacity;

	/* The feeder's. */
	struct {
		bool is_open, is_small;
		uint64_t size, left; /* bytes */
		uint32_t id;
		uint32_t filled;   /* bytes of the current block */
		bool ends_in_hole; /* so far */
		struct job *job;   /* holds the current block */
	} file;
	uint8_t *small;    /* collects a small file that comes in pieces */
	uint8_t *fragment; /* the one that is being filled */
	uint32_t fragment_used;
	uint32_t empty_id; /* of the empty file, or DEDUP_NONE */
	struct dedup small_files;

	/* The committing thread's. */
	struct {
		bool is_open;
		uint64_t start, hash;
	} commit;
	struct dedup large_files;
};

static inline bool writer_is_small(const struct sqfs_writer *w, uint64_t size)
{
	return !w->options.no_fragments && size < w->options.block_size;
}

static inline uint64_t writer_blocks_of(const struct sqfs_writer *w, uint64_t size)
{
	return size / w->options.block_size + (size % w->options.block_size != 0);
}

/* The pipeline's callbacks; CONTEXT is the writer. */
struct sqfs_codec *writer_codec_new(void *context, struct error *err);
void writer_process(void *context, struct sqfs_codec *codec, struct job *job);
int writer_commit(void *context, struct job *job, struct error *err);

/* Submit the fragment that is being filled, if there is anything in it. */
int writer_flush_fragment(struct sqfs_writer *w, struct error *err);
