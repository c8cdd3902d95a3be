/* layer/xz.c - xz streams: not in the OCI specification, but older tools accept them */
#include <lzma.h>

#include <errno.h>

#include "base/memory.h"
#include "layer/inflate.h"

#define MEMORY_MAX (128u << 20)

struct xz {
	lzma_stream stream;
	bool ended;
};

static void *xz_new(void)
{
	struct xz *x = xcalloc(1, sizeof(*x));
	x->stream = (lzma_stream)LZMA_STREAM_INIT;
	if (lzma_stream_decoder(&x->stream, MEMORY_MAX, LZMA_CONCATENATED) != LZMA_OK)
		abort(); /* out of memory */
	return x;
}

static void xz_free(void *state)
{
	struct xz *x = state;
	lzma_end(&x->stream);
	free(x);
}

static int xz_step(void *state, struct inflate_io *io, bool *idle, struct error *err)
{
	struct xz *x = state;
	*idle = x->ended;
	if (x->ended)
		return 0;
	x->stream.next_in = io->in;
	x->stream.avail_in = io->in_len;
	x->stream.next_out = io->out;
	x->stream.avail_out = io->out_len;
	/* Without input this is the end: only LZMA_FINISH makes concatenated streams end. */
	lzma_ret rc = lzma_code(&x->stream, io->in_len == 0 ? LZMA_FINISH : LZMA_RUN);
	if (rc == LZMA_MEMLIMIT_ERROR)
		return error_set(err, EBADMSG, "the dictionary is larger than %u MiB", MEMORY_MAX >> 20);
	if (rc != LZMA_OK && rc != LZMA_STREAM_END && rc != LZMA_BUF_ERROR)
		return error_set(err, EBADMSG, "bad data (liblzma error %d)", (int)rc);
	io->in = x->stream.next_in;
	io->in_len = x->stream.avail_in;
	io->out = x->stream.next_out;
	io->out_len = x->stream.avail_out;
	*idle = x->ended = rc == LZMA_STREAM_END;
	return 0;
}

const struct inflate_codec inflate_xz = {
	.name = "xz",
	.magic = { 0xfd, '7', 'z', 'X', 'Z', 0 },
	.magic_len = 6,
	.new = xz_new,
	.free = xz_free,
	.step = xz_step,
};
