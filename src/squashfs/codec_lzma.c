/* squashfs/codec_lzma.c - xz, and the older LZMA of before Linux 2.6.38, which is only read */
#include <lzma.h>
#include <stdlib.h>

#include "base/memory.h"
#include "squashfs/codec_backend.h"
#include "squashfs/format.h"

/* A dictionary is at most a block (1 MiB); the rest is the decoder itself. */
#define DECODER_MEMORY (8u * 1024 * 1024)

struct xz {
	lzma_stream stream;
	lzma_options_lzma lzma;
	lzma_filter filters[2];
};

static void *decoder_new(uint32_t block_size)
{
	lzma_stream *s = xmalloc(sizeof(*s));
	*s = (lzma_stream)LZMA_STREAM_INIT;
	return s;
}

static ssize_t run(lzma_stream *s, const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len)
{
	s->next_in = in;
	s->avail_in = in_len;
	s->next_out = out;
	s->avail_out = out_len;
	return lzma_code(s, LZMA_FINISH) == LZMA_STREAM_END ? (ssize_t)s->total_out : -1;
}

/* Initialising a stream again keeps what it has allocated. */
static ssize_t xz_decode(void *state, const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len)
{
	if (lzma_stream_decoder(state, DECODER_MEMORY, 0) != LZMA_OK)
		return -1;
	return run(state, in, in_len, out, out_len);
}

static ssize_t lzma_decode(void *state, const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len)
{
	if (lzma_alone_decoder(state, DECODER_MEMORY) != LZMA_OK)
		return -1;
	return run(state, in, in_len, out, out_len);
}

static void decoder_free(void *state)
{
	lzma_end(state);
	free(state);
}

static void *encoder_new(int level, uint32_t block_size)
{
	struct xz *xz = xcalloc(1, sizeof(*xz));
	xz->stream = (lzma_stream)LZMA_STREAM_INIT;
	if (lzma_lzma_preset(&xz->lzma, level != 0 ? (uint32_t)level : LZMA_PRESET_DEFAULT)) {
		free(xz);
		return NULL;
	}
	/* The dictionary that readers assume when there is no options block (fs/squashfs/xz_wrapper.c). */
	xz->lzma.dict_size = MAX(block_size, SQFS_METADATA_SIZE);
	xz->filters[0] = (lzma_filter){ LZMA_FILTER_LZMA2, &xz->lzma };
	xz->filters[1] = (lzma_filter){ LZMA_VLI_UNKNOWN, NULL };
	return xz;
}

static size_t xz_encode(void *state, const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len)
{
	struct xz *xz = state;
	if (lzma_stream_encoder(&xz->stream, xz->filters, LZMA_CHECK_CRC32) != LZMA_OK)
		return 0;
	ssize_t n = run(&xz->stream, in, in_len, out, out_len);
	return n > 0 ? (size_t)n : 0;
}

static void encoder_free(void *state)
{
	struct xz *xz = state;
	lzma_end(&xz->stream);
	free(xz);
}

const struct codec_backend codec_xz = {
	.decoder_new = decoder_new,
	.decode = xz_decode,
	.decoder_free = decoder_free,
	.encoder_new = encoder_new,
	.encode = xz_encode,
	.encoder_free = encoder_free,
};

const struct codec_backend codec_lzma = {
	.decoder_new = decoder_new,
	.decode = lzma_decode,
	.decoder_free = decoder_free,
};
