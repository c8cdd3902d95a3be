/*
 * squashfs/writer_output.h - the file that an image is written to (private to the writer)
 *
 * Appends in large pieces, and starts writeback early so that the final fsync finds little to do. Positions
 * count from the start of the image.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct output {
	int fd;           /* borrowed */
	uint64_t base;    /* where the image starts in the file */
	uint64_t pos;     /* the end of what was appended */
	uint64_t high;    /* the highest that POS has been */
	uint64_t started; /* writeback was begun up to here */
	size_t batched;   /* of POS, not yet in the file */
	uint8_t *batch;
};

void output_init(struct output *o, int fd, uint64_t base, uint64_t pos);
void output_cleanup(struct output *o);

int output_append(struct output *o, const void *data, size_t len, struct error *err);
int output_flush(struct output *o, struct error *err);

/* Write at a position that was passed already. */
int output_patch(struct output *o, uint64_t pos, const void *data, size_t len, struct error *err);

/* Forget what was appended from POS on. */
void output_rewind(struct output *o, uint64_t pos);

/* Are LEN bytes at A those at B? Both lie before the end. 1, 0, or -1 with ERR. */
int output_same(struct output *o, uint64_t a, uint64_t b, uint64_t len, struct error *err);

/* Flush, pad with zeros to a multiple of PAD, and cut the file there. */
int output_end(struct output *o, size_t pad, struct error *err);
