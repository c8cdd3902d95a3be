#include "squashfs/codec.h"

#include <errno.h>
#include <limits.h>

#include "base/memory.h"
#include "base/str.h"
#include "squashfs/codec_backend.h"
#include "squashfs/format.h"
#include "squashfs/lzo.h"

/* "none" is gzip whose every block is stored: an encoder that gains nothing. */
static void *none_new(int level, uint32_t block_size)
{
	return xmalloc(1);
}

static size_t none_encode(void *state, const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len)
{
	return 0;
}

static void *lzo_new(uint32_t block_size)
{
	return xmalloc(1);
}

static ssize_t lzo_decode(void *state, const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len)
{
	return sqfs_lzo_decode(in, in_len, out, out_len);
}

const struct codec_backend codec_lzo = {
	.decoder_new = lzo_new,
	.decode = lzo_decode,
	.decoder_free = free,
};

static const struct codec_backend codec_none = {
	.encoder_new = none_new,
	.encode = none_encode,
	.encoder_free = free,
};

static const struct {
	const char *name;
	const struct codec_backend *decoder, *encoder;
} compressions[] = {
	[SQFS_NONE] = { "none", &codec_zlib, &codec_none },
	[SQFS_GZIP] = { "gzip", &codec_zlib, &codec_zlib },
	[SQFS_LZMA] = { "lzma", &codec_lzma, &codec_lzma },
	[SQFS_LZO] = { "lzo", &codec_lzo, &codec_lzo },
	[SQFS_XZ] = { "xz", &codec_xz, &codec_xz },
	[SQFS_LZ4] = { "lz4", &codec_lz4, &codec_lz4 },
	[SQFS_ZSTD] = { "zstd", &codec_zstd, &codec_zstd },
};

struct sqfs_codec {
	const struct codec_backend *backend;
	void *state;
	void (*state_free)(void *state);
};

const char *sqfs_compression_name(enum sqfs_compression compression)
{
	return (unsigned)compression < ARRAY_SIZE(compressions) ? compressions[compression].name : NULL;
}

int sqfs_compression_from_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(compressions); i++)
		if (str_eq(name, compressions[i].name))
			return (int)i;
	return -1;
}

static struct sqfs_codec *codec_new(const struct codec_backend *backend, void *state,
	void (*state_free)(void *state), const char *what, struct error *err)
{
	if (state == NULL) {
		error_set(err, ENOMEM, "cannot set up %s", what);
		return NULL;
	}
	struct sqfs_codec *codec = xmalloc(sizeof(*codec));
	*codec = (struct sqfs_codec){ backend, state, state_free };
	return codec;
}

struct sqfs_codec *sqfs_decoder_new(enum sqfs_compression compression, uint32_t block_size, struct error *err)
{
	const char *name = sqfs_compression_name(compression);
	if (name == NULL) {
		error_set(err, EINVAL, "unknown squashfs compression %u", (unsigned)compression);
		return NULL;
	}
	const struct codec_backend *b = compressions[compression].decoder;
	return codec_new(b, b->decoder_new(block_size), b->decoder_free, name, err);
}

ssize_t sqfs_decode(struct sqfs_codec *codec, const void *in, size_t in_len, void *out, size_t out_len)
{
	return codec->backend->decode(codec->state, in, in_len, out, out_len);
}

struct sqfs_codec *sqfs_encoder_new(
	enum sqfs_compression compression, int level, uint32_t block_size, struct error *err)
{
	const char *name = sqfs_compression_name(compression);
	if (name == NULL || compressions[compression].encoder->encoder_new == NULL) {
		error_set(err, EINVAL, "cannot write squashfs compression %s",
			name != NULL ? name : "(unknown)");
		error_hint(err, "use one of gzip, lz4, xz, zstd, none");
		return NULL;
	}
	const struct codec_backend *b = compressions[compression].encoder;
	return codec_new(b, b->encoder_new(level, block_size), b->encoder_free, name, err);
}

size_t sqfs_encode(struct sqfs_codec *codec, const void *in, size_t in_len, void *out)
{
	if (in_len < 2 || in_len > INT_MAX)
		return 0;
	return codec->backend->encode(codec->state, in, in_len, out, in_len - 1);
}

void sqfs_codec_free(struct sqfs_codec *codec)
{
	if (codec == NULL)
		return;
	codec->state_free(codec->state);
	free(codec);
}

size_t sqfs_codec_options(enum sqfs_compression compression, int level, uint32_t block_size, uint8_t *out)
{
	if ((unsigned)compression >= ARRAY_SIZE(compressions))
		return 0;
	const struct codec_backend *b = compressions[compression].encoder;
	return b->options != NULL ? b->options(level, block_size, out) : 0;
}
