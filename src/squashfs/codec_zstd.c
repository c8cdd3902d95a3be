#include <endian.h>
#include <string.h>
#include <zstd.h>

#include "squashfs/codec_backend.h"

#define DEFAULT_LEVEL    1
#define MKSQUASHFS_LEVEL 15 /* an image made with it carries no options block */

static void *decoder_new(uint32_t block_size)
{
	return ZSTD_createDCtx();
}

/* One call with the whole output in place needs no window: a frame cannot make the library allocate. */
static ssize_t decode(void *state, const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len)
{
	size_t n = ZSTD_decompressDCtx(state, out, out_len, in, in_len);
	return ZSTD_isError(n) ? -1 : (ssize_t)n;
}

static void decoder_free(void *state)
{
	ZSTD_freeDCtx(state);
}

static void *encoder_new(int level, uint32_t block_size)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	if (c != NULL)
		ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, level != 0 ? level : DEFAULT_LEVEL);
	return c;
}

static size_t encode(void *state, const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len)
{
	size_t n = ZSTD_compress2(state, out, out_len, in, in_len);
	return ZSTD_isError(n) ? 0 : n;
}

static void encoder_free(void *state)
{
	ZSTD_freeCCtx(state);
}

static size_t options(int level, uint32_t block_size, uint8_t *out)
{
	if (level == MKSQUASHFS_LEVEL)
		return 0;
	uint32_t o = htole32((uint32_t)(level != 0 ? level : DEFAULT_LEVEL));
	memcpy(out, &o, sizeof(o));
	return sizeof(o);
}

const struct codec_backend codec_zstd = CODEC_BACKEND;
