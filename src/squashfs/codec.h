/*
 * squashfs/codec.h - the compressors of squashfs 4.0, one block at a time
 *
 * A codec object belongs to one thread. LZO and LZMA are only read.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* The ids of the superblock's compression field. */
enum sqfs_compression {
	SQFS_NONE = 0, /* not on disk: written as gzip with everything stored */
	SQFS_GZIP = 1,
	SQFS_LZMA = 2,
	SQFS_LZO = 3,
	SQFS_XZ = 4,
	SQFS_LZ4 = 5,
	SQFS_ZSTD = 6,
};

const char *sqfs_compression_name(enum sqfs_compression compression); /* "zstd"; NULL if unknown */
/* -1 if unknown. */
int sqfs_compression_from_name(const char *name);

struct sqfs_codec;

/* For decompressing. BLOCK_SIZE bounds every output. NULL with ERR if this build cannot read COMPRESSION. */
struct sqfs_codec *sqfs_decoder_new(
	enum sqfs_compression compression, uint32_t block_size, struct error *err);
/* Decompress; returns the bytes written to OUT, or -1 if the input is corrupt or does not fit OUT_LEN. */
ssize_t sqfs_decode(struct sqfs_codec *codec, const void *in, size_t in_len, void *out, size_t out_len);

/* For compressing. LEVEL 0: ours. NULL with ERR if COMPRESSION can only be read. */
struct sqfs_codec *sqfs_encoder_new(
	enum sqfs_compression compression, int level, uint32_t block_size, struct error *err);
/* Compress into OUT of IN_LEN bytes; returns the bytes written, or 0 if it did not get smaller. */
size_t sqfs_encode(struct sqfs_codec *codec, const void *in, size_t in_len, void *out);

void sqfs_codec_free(struct sqfs_codec *codec);

/* The compressor options block (without its metadata header) that belongs behind the superblock for what
 * sqfs_encoder_new(COMPRESSION, LEVEL) writes; 0 bytes if none is needed. OUT holds 64 bytes. */
size_t sqfs_codec_options(enum sqfs_compression compression, int level, uint32_t block_size, uint8_t *out);
