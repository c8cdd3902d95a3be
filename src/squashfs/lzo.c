/*
 * squashfs/lzo.c - LZO1X, decompression only
 *
 * Written from the description of the stream in the kernel's Documentation/staging/lzo.rst. A block is a series
 * of instructions: copy literals from the input, or copy LENGTH bytes from DISTANCE back in the output and then
 * up to three literals. What the lowest opcodes mean depends on how many literals came just before ("state").
 */
#include "squashfs/lzo.h"

#include <stdbool.h>
#include <string.h>

#define STATE_LONG_RUN  4 /* four or more literals came before */
#define M2_MAX_DISTANCE 0x800u
#define FAR_DISTANCE    0x4000u
#define CHUNK           16u

struct lzo {
	const uint8_t *in, *in_end;
	uint8_t *out, *out_start, *out_end;
};

static size_t in_left(const struct lzo *z)
{
	return (size_t)(z->in_end - z->in);
}

static size_t out_left(const struct lzo *z)
{
	return (size_t)(z->out_end - z->out);
}

static bool copy_literals(struct lzo *z, size_t len)
{
	if (len > in_left(z) || len > out_left(z))
		return false;
	/* Short runs are the rule: one wide copy where both sides have room for it. */
	if (len <= CHUNK && in_left(z) >= CHUNK && out_left(z) >= CHUNK)
		memcpy(z->out, z->in, CHUNK);
	else
		memcpy(z->out, z->in, len);
	z->in += len;
	z->out += len;
	return true;
}

static bool copy_match(struct lzo *z, size_t distance, size_t len)
{
	if (distance > (size_t)(z->out - z->out_start) || len > out_left(z))
		return false;
	const uint8_t *from = z->out - distance;
	uint8_t *to = z->out;
	z->out += len;
	if (distance >= CHUNK && (size_t)(z->out_end - to) >= len + CHUNK) {
		for (size_t done = 0; done < len; done += CHUNK)
			memcpy(to + done, from + done, CHUNK);
		return true;
	}
	if (distance == 1) {
		memset(to, *from, len);
		return true;
	}
	for (; len > 0; len--)
		*to++ = *from++; /* overlapping: repeats the last DISTANCE bytes */
	return true;
}

/* A length that did not fit its MASK bits: 255 for each zero byte, then the first other byte. */
static bool long_length(struct lzo *z, size_t mask, size_t *len)
{
	size_t total = mask;
	for (; z->in < z->in_end && *z->in == 0; z->in++)
		total += 255; /* at most 255 * the input's length: no overflow */
	if (z->in == z->in_end)
		return false;
	*len = total + *z->in++;
	return true;
}

/* The two bytes behind the far opcodes: distance << 2 | literals. */
static bool distance_word(struct lzo *z, uint32_t *word)
{
	if (in_left(z) < 2)
		return false;
	*word = (uint32_t)z->in[0] | (uint32_t)z->in[1] << 8;
	z->in += 2;
	return true;
}

struct match {
	size_t distance, len;
	unsigned literals;
	bool end; /* the end marker */
};

/* Opcodes of 16 and more. */
static bool parse_match(struct lzo *z, unsigned op, struct match *m)
{
	uint32_t word;
	if (op >= 64) { /* 1LLDDDSS, 01LDDDSS and a byte */
		if (z->in == z->in_end)
			return false;
		m->len = op >= 128 ? 5 + (op >> 5 & 3) : 3 + (op >> 5 & 1);
		m->distance = ((size_t)*z->in++ << 3) + (op >> 2 & 7) + 1;
		m->literals = op & 3;
		return true;
	}
	bool far = op < 32; /* 001LLLLL, 0001HLLL, and a word */
	size_t mask = far ? 7 : 31;
	m->len = op & mask;
	if (m->len == 0 && !long_length(z, mask, &m->len))
		return false;
	if (!distance_word(z, &word))
		return false;
	m->len += 2;
	m->distance = (word >> 2) + (far ? FAR_DISTANCE + ((size_t)(op & 8) << 11) : 1);
	m->literals = word & 3;
	m->end = far && m->distance == FAR_DISTANCE;
	return true;
}

/* Opcodes below 16 behind literals: a match of two or three bytes. */
static bool parse_short_match(struct lzo *z, unsigned op, unsigned state, struct match *m)
{
	if (z->in == z->in_end)
		return false;
	bool long_run = state == STATE_LONG_RUN;
	m->len = long_run ? 3 : 2;
	m->distance = ((size_t)*z->in++ << 2) + (op >> 2) + 1 + (long_run ? M2_MAX_DISTANCE : 0);
	m->literals = op & 3;
	return true;
}

/* The first byte may stand for a run of literals of its own. */
static bool first_literals(struct lzo *z, unsigned *state)
{
	if (z->in == z->in_end)
		return false;
	if (*z->in <= 17)
		return true;
	size_t len = (size_t)*z->in++ - 17;
	*state = len < STATE_LONG_RUN ? (unsigned)len : STATE_LONG_RUN;
	return copy_literals(z, len);
}

ssize_t sqfs_lzo_decode(const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len)
{
	struct lzo z = { in, in + in_len, out, out, out + out_len };
	unsigned state = 0;
	if (!first_literals(&z, &state))
		return -1;
	while (z.in < z.in_end) {
		unsigned op = *z.in++;
		struct match m = { 0 };
		if (op < 16 && state == 0) {
			size_t len = op;
			if (len == 0 && !long_length(&z, 15, &len))
				return -1;
			if (!copy_literals(&z, len + 3))
				return -1;
			state = STATE_LONG_RUN;
			continue;
		}
		if (!(op < 16 ? parse_short_match(&z, op, state, &m) : parse_match(&z, op, &m)))
			return -1;
		if (m.end) /* nothing may follow it */
			return z.in == z.in_end ? z.out - z.out_start : -1;
		if (!copy_match(&z, m.distance, m.len) || !copy_literals(&z, m.literals))
			return -1;
		state = m.literals;
	}
	return -1; /* no end marker */
}
