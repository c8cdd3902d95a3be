/*
 * layer/inflate.h - from the bytes of a layer to the bytes of its tar
 *
 * The compression is told by the first bytes: gzip (any number of members, zeros after the last), zstd (any
 * number of frames, skippable ones too; a window of 128 MiB at most, as the zstd tool itself accepts without an
 * option), xz, or none. Private to layer/.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "layer/layer.h"

struct inflater;

/* INPUT is borrowed. */
struct inflater *inflater_new(const struct layer_input *input);
void inflater_free(struct inflater *f);

/* Fill BUF whole; *GOT < LEN only at the end. Returns 0, or -1 with ERR (the message has the offset). */
int inflater_read(struct inflater *f, void *buf, size_t len, size_t *got, struct error *err);

/* Do the first bytes (6 will do) say that what follows is compressed in a way that we know? */
bool inflater_is_needed(const uint8_t *start, size_t len);

/* Bytes that came in so far. */
uint64_t inflater_consumed(const struct inflater *f);

/* What a decompressor sees: it moves the pointers on. */
struct inflate_io {
	const uint8_t *in;
	size_t in_len;
	uint8_t *out;
	size_t out_len;
};

struct inflate_codec {
	const char *name;
	uint8_t magic[6];
	uint8_t magic_len;
	void *(*new)(void);
	void (*free)(void *state);
	/*
	 * Use some input or make some output; neither means that more input is needed. *IDLE says whether the
	 * stream may end here.
	 */
	int (*step)(void *state, struct inflate_io *io, bool *idle, struct error *err);
};

extern const struct inflate_codec inflate_gzip, inflate_zstd, inflate_xz;
