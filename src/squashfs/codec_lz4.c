#include <endian.h>
#include <limits.h>
#include <lz4.h>
#include <lz4hc.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "squashfs/codec_backend.h"

struct lz4 {
	int level; /* 0: the fast one, else that of LZ4HC */
	uint64_t state[];
};

static void *decoder_new(uint32_t block_size)
{
	return xcalloc(1, sizeof(struct lz4)); /* LZ4 needs no state */
}

static ssize_t decode(void *state, const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len)
{
	if (in_len > INT_MAX || out_len > INT_MAX)
		return -1;
	int n = LZ4_decompress_safe((const char *)in, (char *)out, (int)in_len, (int)out_len);
	return n < 0 ? -1 : n;
}

static void *encoder_new(int level, uint32_t block_size)
{
	int size = level != 0 ? LZ4_sizeofStateHC() : LZ4_sizeofState();
	struct lz4 *lz4 = xmalloc(sizeof(*lz4) + (size_t)size);
	lz4->level = level;
	return lz4;
}

static size_t encode(void *state, const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len)
{
	struct lz4 *lz4 = state;
	int n;
	if (lz4->level != 0)
		n = LZ4_compress_HC_extStateHC(
			lz4->state, (const char *)in, (char *)out, (int)in_len, (int)out_len, lz4->level);
	else
		n = LZ4_compress_fast_extState(
			lz4->state, (const char *)in, (char *)out, (int)in_len, (int)out_len, 1);
	return n > 0 ? (size_t)n : 0;
}

/* An LZ4 image always has one: the kernel insists (fs/squashfs/lz4_wrapper.c). */
static size_t options(int level, uint32_t block_size, uint8_t *out)
{
	const uint32_t legacy_version = 1, high_compression = 1;
	uint32_t o[2] = { htole32(legacy_version), htole32(level != 0 ? high_compression : 0) };
	memcpy(out, o, sizeof(o));
	return sizeof(o);
}

const struct codec_backend codec_lz4 = {
	.decoder_new = decoder_new,
	.decode = decode,
	.decoder_free = free,
	.encoder_new = encoder_new,
	.encode = encode,
	.encoder_free = free,
	.options = options,
};
