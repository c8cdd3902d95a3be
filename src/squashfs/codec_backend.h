/*
 * squashfs/codec_backend.h - what a compressor gives to codec.c (private to the codecs)
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct codec_backend {
	/* NULL: out of memory or refused by the library. A missing function: the direction is not offered. */
	void *(*decoder_new)(uint32_t block_size);
	ssize_t (*decode)(void *state, const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len);
	void (*decoder_free)(void *state);

	void *(*encoder_new)(int level, uint32_t block_size); /* LEVEL 0: the default */
	/* Output that does not fit OUT_LEN is no gain: 0. */
	size_t (*encode)(void *state, const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len);
	void (*encoder_free)(void *state);

	/* The compressor options block; NULL: never one. */
	size_t (*options)(int level, uint32_t block_size, uint8_t *out);
};

/* A backend of both directions, whose functions have these names in its file. */
#define CODEC_BACKEND                                                                       \
	{                                                                                   \
		.decoder_new = decoder_new, .decode = decode, .decoder_free = decoder_free, \
		.encoder_new = encoder_new, .encode = encode, .encoder_free = encoder_free, \
		.options = options,                                                         \
	}

extern const struct codec_backend codec_zlib, codec_lzma, codec_lzo, codec_xz, codec_lz4, codec_zstd;
