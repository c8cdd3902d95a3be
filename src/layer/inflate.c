#include "layer/inflate.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"

#define INPUT_SIZE (128u << 10)
#define MAGIC_MAX  6

struct inflater {
	const struct layer_input *input;
	const struct inflate_codec *codec;
	void *state;
	struct inflate_io io;
	uint64_t read; /* from the input */
	bool input_ended, idle, ended;
	uint8_t buf[INPUT_SIZE];
};

/* Uncompressed: only copied. */
static int step_plain(void *state, struct inflate_io *io, bool *idle, struct error *err)
{
	size_t n = MIN(io->in_len, io->out_len);
	memcpy(io->out, io->in, n);
	io->in += n;
	io->in_len -= n;
	io->out += n;
	io->out_len -= n;
	*idle = true; /* whether a tar may end here is the tar reader's business */
	return 0;
}

static const struct inflate_codec plain = { .name = "tar", .step = step_plain };
static const struct inflate_codec refused[] = {
	{ .name = "bzip2", .magic = { 'B', 'Z', 'h' }, .magic_len = 3 },
	{ .name = "lz4", .magic = { 0x04, 0x22, 0x4d, 0x18 }, .magic_len = 4 },
	{ .name = "lzip", .magic = { 'L', 'Z', 'I', 'P' }, .magic_len = 4 },
	{ .name = "compress", .magic = { 0x1f, 0x9d }, .magic_len = 2 },
	{ .name = "zip", .magic = { 'P', 'K', 3, 4 }, .magic_len = 4 },
	{ .name = "encrypted", .magic = { 'S', 'a', 'l', 't', 'e', 'd' }, .magic_len = 6 },
};

struct inflater *inflater_new(const struct layer_input *input)
{
	struct inflater *f = xmalloc(sizeof(*f));
	memset(f, 0, offsetof(struct inflater, buf));
	f->input = input;
	return f;
}

void inflater_free(struct inflater *f)
{
	if (f == NULL)
		return;
	if (f->state != NULL)
		f->codec->free(f->state);
	free(f);
}

uint64_t inflater_consumed(const struct inflater *f)
{
	return f->read - f->io.in_len;
}

static int refill(struct inflater *f, size_t keep, struct error *err)
{
	size_t got;
	if (f->input->read(f->input->ctx, f->buf + keep, sizeof(f->buf) - keep, &got, err) < 0)
		return -1;
	f->io.in = f->buf;
	f->io.in_len = keep + got;
	f->read += got;
	f->input_ended = got == 0;
	return 0;
}

static bool has_magic(const uint8_t *start, size_t len, const struct inflate_codec *codec)
{
	return len >= codec->magic_len && memcmp(start, codec->magic, codec->magic_len) == 0;
}

/* RFC 8878: a skippable frame may come first; its magic number has 16 values. */
static bool is_skippable_zstd(const uint8_t *start, size_t len)
{
	return len >= 4 && (start[0] & 0xf0) == 0x50 && memcmp(start + 1, "\x2a\x4d\x18", 3) == 0;
}

static const struct inflate_codec *codec_of(const uint8_t *start, size_t len)
{
	static const struct inflate_codec *const known[] = { &inflate_gzip, &inflate_zstd, &inflate_xz };
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (has_magic(start, len, known[i]))
			return known[i];
	return is_skippable_zstd(start, len) ? &inflate_zstd : &plain;
}

bool inflater_is_needed(const uint8_t *start, size_t len)
{
	return codec_of(start, len) != &plain;
}

static int choose_codec(struct inflater *f, struct error *err)
{
	while (f->io.in_len < MAGIC_MAX && !f->input_ended)
		if (refill(f, f->io.in_len, err) < 0)
			return -1;
	if (f->io.in_len == 0)
		return error_set(err, EBADMSG, "the layer is empty: it has not even an end-of-archive mark");
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		if (has_magic(f->io.in, f->io.in_len, &refused[i]))
			return error_set(err, ENOTSUP,
				"unsupported compression (%s): layers are tar, plain or with gzip or zstd",
				refused[i].name);
	f->codec = codec_of(f->io.in, f->io.in_len);
	if (f->codec->new != NULL)
		f->state = f->codec->new ();
	return 0;
}

/* One turn of the decompressor. Sets .ended where the stream may end and does. */
static int turn(struct inflater *f, struct error *err)
{
	if (f->io.in_len == 0 && !f->input_ended && refill(f, 0, err) < 0)
		return -1;
	size_t in_before = f->io.in_len, out_before = f->io.out_len;
	if (f->codec->step(f->state, &f->io, &f->idle, err) < 0)
		return error_prefix(err, "cannot decompress (%s, compressed offset %" PRIu64 ")",
			f->codec->name, inflater_consumed(f));
	if (f->io.in_len != in_before || f->io.out_len != out_before)
		return 0;
	if (f->io.in_len != 0)
		return error_set(err, EBADMSG,
			"cannot decompress (%s, compressed offset %" PRIu64 "): bad data", f->codec->name,
			inflater_consumed(f));
	if (f->input_ended && !f->idle)
		return error_set(err, EBADMSG, "the compressed data (%s) are cut off after %" PRIu64 " bytes",
			f->codec->name, f->read);
	f->ended = f->input_ended;
	return 0;
}

int inflater_read(struct inflater *f, void *buf, size_t len, size_t *got, struct error *err)
{
	if (f->codec == NULL && choose_codec(f, err) < 0)
		return -1;
	f->io.out = buf;
	f->io.out_len = len;
	while (f->io.out_len != 0 && !f->ended)
		if (turn(f, err) < 0)
			return -1;
	*got = len - f->io.out_len;
	return 0;
}
