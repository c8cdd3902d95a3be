/*
 * squashfs/writer_meta.h - metadata blocks of 8 KiB, and tables made of them (private to the writer)
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "squashfs/codec.h"
#include "squashfs/format.h"
#include "squashfs/writer_output.h"

struct meta {
	struct sqfs_codec *codec; /* borrowed; NULL: store everything */
	struct output *out;       /* borrowed; NULL: collect in MEMORY */
	struct buffer memory;
	uint64_t bytes; /* of finished blocks, as stored */
	size_t used;    /* of the current one; less than a whole */
	uint8_t block[SQFS_METADATA_SIZE];
	uint8_t packed[2 + SQFS_METADATA_SIZE];
};

struct meta *meta_new(struct sqfs_codec *codec, struct output *out);
void meta_free(struct meta *m);

/* Where the next byte goes, relative to the table. */
static inline uint64_t meta_ref(const struct meta *m)
{
	return sqfs_ref(m->bytes, (uint32_t)m->used);
}

int meta_append(struct meta *m, const void *data, size_t len, struct error *err);
/* End the current block, if anything is in it. */
int meta_flush(struct meta *m, struct error *err);
/* Flush, and append what was collected in memory to OUT. */
int meta_emit(struct meta *m, struct output *out, struct error *err);

/*
 * A table that is found through a list of its metadata blocks: writes DATA in such blocks and then HEADER and
 * the list, whose position *START becomes.
 */
int meta_write_table(struct output *out, struct sqfs_codec *codec, const void *data, size_t len,
	const void *header, size_t header_len, uint64_t *start, struct error *err);
