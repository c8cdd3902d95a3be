/*
 * layer/gzip.c - gzip through ISA-L, twice as fast as zlib
 *
 * RFC 1952. The member headers are read here, byte by byte, so that every field may be cut anywhere; ISA-L
 * inflates and checks the trailer (CRC and length).
 */
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

#include <errno.h>

#include "base/memory.h"
#include "layer/inflate.h"

enum gzip_place {
	AT_FIXED, /* the ten bytes that every header has */
	AT_EXTRA_LENGTH,
	AT_EXTRA,
	AT_NAME,
	AT_COMMENT,
	AT_HEADER_CRC,
	AT_DEFLATE, /* and the trailer */
	AT_BETWEEN, /* after a member */
	AT_PADDING, /* zeros after the last member, as tapes and cut-up files have them */
};

#define FLAG_CRC      0x02
#define FLAG_EXTRA    0x04
#define FLAG_NAME     0x08
#define FLAG_COMMENT  0x10
#define FLAG_RESERVED 0xe0

struct gzip {
	enum gzip_place place;
	uint8_t fixed[10], two[2];
	uint32_t got, extra_left, crc;
	struct inflate_state state;
};

static void *gzip_new(void)
{
	struct gzip *g = xcalloc(1, sizeof(*g));
	isal_inflate_init(&g->state);
	return g;
}

static void enter(struct gzip *g, enum gzip_place place)
{
	g->place = place;
	g->got = 0;
}

/* Go on to the next field that the flags announce. */
static void next_field(struct gzip *g, enum gzip_place from)
{
	static const struct {
		enum gzip_place place;
		uint8_t flag;
	} fields[] = {
		{ AT_EXTRA_LENGTH, FLAG_EXTRA },
		{ AT_NAME, FLAG_NAME },
		{ AT_COMMENT, FLAG_COMMENT },
		{ AT_HEADER_CRC, FLAG_CRC },
	};
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (fields[i].place > from && (g->fixed[3] & fields[i].flag) != 0) {
			enter(g, fields[i].place);
			return;
		}
	}
	enter(g, AT_DEFLATE);
	isal_inflate_reset(&g->state);
	g->state.crc_flag = ISAL_GZIP_NO_HDR_VER;
}

static int garbage(struct error *err)
{
	return error_set(err, EBADMSG, "what follows the last member is neither a member nor zeros");
}

static int check_fixed(struct gzip *g, struct error *err)
{
	if (g->fixed[2] != 8)
		return error_set(err, EBADMSG, "unknown method %u in the header", g->fixed[2]);
	if ((g->fixed[3] & FLAG_RESERVED) != 0)
		return error_set(err, EBADMSG, "reserved flags 0x%02x in the header", g->fixed[3]);
	next_field(g, AT_FIXED);
	return 0;
}

/* The low half of the CRC of all header bytes before it. */
static int check_header_crc(struct gzip *g, uint32_t crc_before, struct error *err)
{
	if ((crc_before & 0xffff) != (uint32_t)(g->two[0] | g->two[1] << 8))
		return error_set(err, EBADMSG, "wrong header checksum");
	next_field(g, AT_HEADER_CRC);
	return 0;
}

static int header_byte(struct gzip *g, uint8_t c, struct error *err)
{
	uint32_t crc_before = g->crc;
	g->crc = crc32_gzip_refl(g->crc, &c, 1);
	switch (g->place) {
	case AT_FIXED:
		if (g->got < 2 && c != inflate_gzip.magic[g->got])
			return garbage(err);
		g->fixed[g->got++] = c;
		return g->got == sizeof(g->fixed) ? check_fixed(g, err) : 0;
	case AT_EXTRA_LENGTH:
		g->two[g->got++] = c;
		if (g->got < 2)
			return 0;
		g->extra_left = (uint32_t)(g->two[0] | g->two[1] << 8);
		if (g->extra_left == 0)
			next_field(g, AT_EXTRA);
		else
			enter(g, AT_EXTRA);
		return 0;
	case AT_EXTRA:
		if (--g->extra_left == 0)
			next_field(g, AT_EXTRA);
		return 0;
	case AT_HEADER_CRC:
		if (g->got == 0)
			g->extra_left = crc_before; /* of the header without this field */
		g->two[g->got++] = c;
		return g->got == 2 ? check_header_crc(g, g->extra_left, err) : 0;
	default: /* AT_NAME, AT_COMMENT */
		if (c == 0)
			next_field(g, g->place);
		return 0;
	}
}

static int inflate_some(struct gzip *g, struct inflate_io *io, struct error *err)
{
	struct inflate_state *s = &g->state;
	uint32_t in = (uint32_t)MIN(io->in_len, UINT32_MAX), out = (uint32_t)MIN(io->out_len, INT32_MAX);
	s->next_in = (uint8_t *)io->in;
	s->avail_in = in;
	s->next_out = io->out;
	s->avail_out = out;
	int rc = isal_inflate(s);
	if (rc == ISAL_INCORRECT_CHECKSUM)
		return error_set(err, EBADMSG, "wrong checksum or length of a member");
	if (rc < 0)
		return error_set(err, EBADMSG, "bad deflate data (ISA-L error %d)", rc);
	io->in += in - s->avail_in;
	io->in_len -= in - s->avail_in;
	io->out += out - s->avail_out;
	io->out_len -= out - s->avail_out;
	if (s->block_state == ISAL_BLOCK_FINISH)
		enter(g, AT_BETWEEN);
	return 0;
}

static int step_padding(struct inflate_io *io, struct error *err)
{
	while (io->in_len > 0 && *io->in == 0) {
		io->in++;
		io->in_len--;
	}
	if (io->in_len > 0)
		return garbage(err);
	return 0;
}

static int gzip_step(void *state, struct inflate_io *io, bool *idle, struct error *err)
{
	struct gzip *g = state;
	if (g->place == AT_BETWEEN && io->in_len > 0) {
		enter(g, *io->in == 0 ? AT_PADDING : AT_FIXED);
		g->crc = 0;
	}
	*idle = false;
	if (g->place == AT_DEFLATE) {
		if (inflate_some(g, io, err) < 0)
			return -1;
	} else if (g->place == AT_PADDING) {
		if (step_padding(io, err) < 0)
			return -1;
	} else {
		while (io->in_len > 0 && g->place < AT_DEFLATE) {
			io->in_len--;
			if (header_byte(g, *io->in++, err) < 0)
				return -1;
		}
	}
	*idle = g->place >= AT_BETWEEN;
	return 0;
}

const struct inflate_codec inflate_gzip = {
	.name = "gzip",
	.magic = { 0x1f, 0x8b },
	.magic_len = 2,
	.new = gzip_new,
	.free = free,
	.step = gzip_step,
};
