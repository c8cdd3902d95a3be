#include "layer/pack_codec.h"

#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/memory.h"

#define GZIP_LEVEL      4 /* half the time of 6, for 3 % more bytes */
#define GZIP_CHUNK      ((size_t)512 << 10)
#define GZIP_DICTIONARY ((size_t)32 << 10) /* deflate's window */
#define ZSTD_LEVEL      3
#define ZSTD_CHUNK      ((size_t)2 << 20)
#define PLAIN_CHUNK     ((size_t)512 << 10)

/* ---- gzip ---- */

static void *gzip_begin(void)
{
	z_stream *z = xcalloc(1, sizeof(*z));
	if (deflateInit2(z, GZIP_LEVEL, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		abort(); /* out of memory */
	return z;
}

static void gzip_end(void *state)
{
	deflateEnd(state);
	free(state);
}

static size_t gzip_bound(size_t len)
{
	return compressBound(len) + 16; /* and the empty block of a flush */
}

static void gzip_compress(void *state, struct pack_chunk *c)
{
	z_stream *z = state;
	deflateReset(z);
	if (c->dictionary != 0)
		deflateSetDictionary(z, c->in, (uInt)c->dictionary);
	z->next_in = c->in + c->dictionary;
	z->avail_in = (uInt)c->len;
	z->next_out = c->out;
	z->avail_out = (uInt)c->out_capacity;
	int r = deflate(z, c->is_last ? Z_FINISH : Z_SYNC_FLUSH);
	if (r != (c->is_last ? Z_STREAM_END : Z_OK) || z->avail_in != 0 || z->avail_out == 0)
		abort(); /* zlib's bound did not hold */
	c->out_len = c->out_capacity - z->avail_out;
	c->crc = (uint32_t)crc32(0, c->in + c->dictionary, (uInt)c->len);
}

static void gzip_head(struct buffer *out)
{
	/* deflate, no flags, no time, no system: RFC 1952, section 2.3 */
	static const uint8_t head[10] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255 };
	buffer_append(out, head, sizeof(head));
}

static void gzip_tail(struct buffer *out, uint32_t crc, uint64_t tar_bytes)
{
	for (unsigned i = 0; i < 4; i++)
		buffer_putc(out, (char)(crc >> 8 * i));
	for (unsigned i = 0; i < 4; i++)
		buffer_putc(out, (char)(tar_bytes >> 8 * i));
}

static uint32_t gzip_join(uint32_t crc, uint32_t next, size_t next_len)
{
	return (uint32_t)crc32_combine(crc, next, (z_off_t)next_len);
}

const struct pack_codec pack_gzip = {
	.chunk_bytes = GZIP_CHUNK,
	.dictionary_bytes = GZIP_DICTIONARY,
	.begin = gzip_begin,
	.end = gzip_end,
	.compress = gzip_compress,
	.bound = gzip_bound,
	.head = gzip_head,
	.tail = gzip_tail,
	.join = gzip_join,
};

/* ---- zstd ---- */

static void *zstd_begin(void)
{
	ZSTD_CCtx *z = ZSTD_createCCtx();
	if (z == NULL)
		abort(); /* out of memory */
	return z;
}

static void zstd_end(void *state)
{
	ZSTD_freeCCtx(state);
}

static size_t zstd_bound(size_t len)
{
	return ZSTD_compressBound(len);
}

static void zstd_compress(void *state, struct pack_chunk *c)
{
	c->out_len = ZSTD_compressCCtx(state, c->out, c->out_capacity, c->in, c->len, ZSTD_LEVEL);
	if (ZSTD_isError(c->out_len))
		abort(); /* out of memory: the room is there */
}

const struct pack_codec pack_zstd = {
	.chunk_bytes = ZSTD_CHUNK,
	.begin = zstd_begin,
	.end = zstd_end,
	.compress = zstd_compress,
	.bound = zstd_bound,
};

/* ---- nothing ---- */

const struct pack_codec pack_plain = { .chunk_bytes = PLAIN_CHUNK };
