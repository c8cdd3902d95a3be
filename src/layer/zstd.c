/* layer/zstd.c - zstd frames, RFC 8878 */
#include <zstd.h>

#include <errno.h>

#include "base/memory.h"
#include "layer/inflate.h"

#define WINDOW_LOG_MAX 27 /* 128 MiB, the bound that the zstd tool has unless told otherwise */

struct zstd {
	ZSTD_DStream *stream;
	bool between; /* frames */
};

static void *zstd_new(void)
{
	struct zstd *z = xcalloc(1, sizeof(*z));
	z->stream = ZSTD_createDStream();
	if (z->stream == NULL ||
		ZSTD_isError(ZSTD_DCtx_setParameter(z->stream, ZSTD_d_windowLogMax, WINDOW_LOG_MAX)))
		abort(); /* out of memory */
	return z;
}

static void zstd_free(void *state)
{
	struct zstd *z = state;
	ZSTD_freeDStream(z->stream);
	free(z);
}

static int zstd_step(void *state, struct inflate_io *io, bool *idle, struct error *err)
{
	struct zstd *z = state;
	*idle = z->between;
	if (z->between && io->in_len == 0)
		return 0;
	ZSTD_inBuffer in = { io->in, io->in_len, 0 };
	ZSTD_outBuffer out = { io->out, io->out_len, 0 };
	size_t rc = ZSTD_decompressStream(z->stream, &out, &in);
	if (ZSTD_isError(rc))
		return error_set(err, EBADMSG, "%s", ZSTD_getErrorName(rc));
	io->in += in.pos;
	io->in_len -= in.pos;
	io->out += out.pos;
	io->out_len -= out.pos;
	*idle = z->between = rc == 0;
	return 0;
}

const struct inflate_codec inflate_zstd = {
	.name = "zstd",
	.magic = { 0x28, 0xb5, 0x2f, 0xfd },
	.magic_len = 4,
	.new = zstd_new,
	.free = zstd_free,
	.step = zstd_step,
};
