/*
 * layer/pack.h - the bytes of a tar become a layer: hashed, compressed, hashed again and written, in one pass
 *
 * The tar is cut into chunks of a fixed size that threads compress on their own, so that the bytes of the layer do not
 * depend on how many there are. gzip: one member (RFC 1952) whose deflate blocks go on across the chunks, each of which
 * has the last 32 KiB before it as its dictionary; by zlib, which compresses alike on every processor (ISA-L does not).
 * zstd: a frame a chunk (RFC 8878, "Zstandard Frames").
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum layer_compression { LAYER_PLAIN, LAYER_GZIP, LAYER_ZSTD };

#define LAYER_DIGEST_SIZE sizeof("sha256:0123456789012345678901234567890123456789012345678901234567890123")

struct layer_packed {
	char diff_id[LAYER_DIGEST_SIZE]; /* of the tar */
	char digest[LAYER_DIGEST_SIZE];  /* of what was written */
	uint64_t tar_bytes, bytes;
};

struct layer_pack;

/* Write to FD (borrowed) from where it stands. THREADS 0: as many as there are processors. */
struct layer_pack *layer_pack_new(int fd, enum layer_compression compression, unsigned threads);
/* A tar_output of layer/tar_writer.h. */
int layer_pack_write(void *pack, const void *data, size_t len, struct error *err);
int layer_pack_finish(struct layer_pack *p, struct layer_packed *packed, struct error *err);
/* After success or failure. */
void layer_pack_free(struct layer_pack *p);
