/*
 * layer/pack_codec.h - compressing one chunk (between pack.c and the compressors only)
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* A chunk of the tar on its way. */
struct pack_chunk {
	uint8_t *in; /* owned: DICTIONARY bytes of before, then LEN new ones */
	size_t dictionary, len;
	bool is_last;
	uint8_t *out; /* owned */
	size_t out_len, out_capacity;
	uint32_t crc; /* gzip: of the new bytes */
};

/* All NULL of a compression that is none. */
struct pack_codec {
	size_t chunk_bytes, dictionary_bytes;
	void *(*begin)(void); /* the state of one thread; never NULL */
	void (*end)(void *state);
	void (*compress)(void *state, struct pack_chunk *chunk); /* cannot fail: the room is there */
	size_t (*bound)(size_t len);
	/* What stands before the first chunk and after the last one; append to OUT. */
	void (*head)(struct buffer *out);
	void (*tail)(struct buffer *out, uint32_t crc, uint64_t tar_bytes);
	/* The CRC of two strings, one behind the other. */
	uint32_t (*join)(uint32_t crc, uint32_t next, size_t next_len);
};

extern const struct pack_codec pack_plain, pack_gzip, pack_zstd;
