/*
 * layer/stream.h - the tar bytes of one layer, made by threads
 *
 * One thread inflates into a few buffers that go round, one hashes them, the caller parses them: a layer takes as
 * long as the slowest of the three. Memory is bounded by the buffers. Private to layer/.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "layer/layer.h"

struct layer_stream;

struct layer_stream_options {
	const struct layer_input *input;
	struct layer_limits *limits; /* NULL: counted before (a repair pass) */
	bool hash;                   /* compute the SHA-256 of the tar */
	unsigned threads;            /* 1: all in the caller's thread; 0: as many as there are processors */
};

struct layer_stream *layer_stream_open(const struct layer_stream_options *options);

/*
 * The next bytes; *LEN 0 at the end. They are good until the next call. CTX is the stream: the signature is that
 * of tar_source.next.
 */
int layer_stream_next(void *ctx, const uint8_t **data, size_t *len, struct error *err);

/* Read to the end, throwing the bytes away: the digest is that of all. */
int layer_stream_drain(struct layer_stream *s, struct error *err);

/* After the end: the digest, as hexadecimal. */
void layer_stream_digest(struct layer_stream *s, char *hex);

/* Stop the threads, at any time. */
void layer_stream_close(struct layer_stream *s);
