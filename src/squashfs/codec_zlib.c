#include <endian.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/memory.h"
#include "squashfs/codec_backend.h"

/* mksquashfs's defaults: an image made with them carries no options block. */
#define DEFAULT_LEVEL  9
#define DEFAULT_WINDOW 15

static void *decoder_new(uint32_t block_size)
{
	z_stream *z = xcalloc(1, sizeof(*z));
	if (inflateInit(z) == Z_OK)
		return z;
	free(z);
	return NULL;
}

static ssize_t decode(void *state, const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len)
{
	z_stream *z = state;
	if (in_len > UINT_MAX || out_len > UINT_MAX || inflateReset(z) != Z_OK)
		return -1;
	z->next_in = (Bytef *)in;
	z->avail_in = (uInt)in_len;
	z->next_out = out;
	z->avail_out = (uInt)out_len;
	return inflate(z, Z_FINISH) == Z_STREAM_END ? (ssize_t)z->total_out : -1;
}

static void decoder_free(void *state)
{
	inflateEnd(state);
	free(state);
}

static void *encoder_new(int level, uint32_t block_size)
{
	z_stream *z = xcalloc(1, sizeof(*z));
	if (deflateInit(z, level != 0 ? level : DEFAULT_LEVEL) == Z_OK)
		return z;
	free(z);
	return NULL;
}

static size_t encode(void *state, const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len)
{
	z_stream *z = state;
	if (deflateReset(z) != Z_OK)
		return 0;
	z->next_in = (Bytef *)in;
	z->avail_in = (uInt)in_len;
	z->next_out = out;
	z->avail_out = (uInt)out_len;
	return deflate(z, Z_FINISH) == Z_STREAM_END ? z->total_out : 0;
}

static void encoder_free(void *state)
{
	deflateEnd(state);
	free(state);
}

static size_t options(int level, uint32_t block_size, uint8_t *out)
{
	if (level == 0 || level == DEFAULT_LEVEL)
		return 0;
	struct {
		uint32_t level;
		uint16_t window, strategies;
	} o = { htole32((uint32_t)level), htole16(DEFAULT_WINDOW), 0 };
	memcpy(out, &o, sizeof(o));
	return sizeof(o);
}

const struct codec_backend codec_zlib = CODEC_BACKEND;
