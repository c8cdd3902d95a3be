/* tests/fuzz/fuzz_tar.h - for the targets that feed tars */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "layer/sink.h"

/* A copy in which every block that could be a header has the right checksum. */
static inline uint8_t *fuzz_mend(const uint8_t *data, size_t size)
{
	uint8_t *copy = xmalloc(size);
	memcpy(copy, data, size);
	for (size_t at = 0; at + 512 <= size; at += 512) {
		uint8_t *h = copy + at;
		unsigned sum = 0;
		if (h[148] != '0' && memcmp(h + 257, "ustar", 5) != 0)
			continue;
		memset(h + 148, ' ', 8);
		for (int i = 0; i < 512; i++)
			sum += h[i];
		snprintf((char *)h + 148, 8, "%06o", sum & 0777777);
	}
	return copy;
}

/* Checks that no more comes than was announced. */
struct counting_sink {
	uint64_t left;
	uint32_t ids;
};

static inline int counting_begin(void *ctx, const struct tree_file *file, struct error *err)
{
	((struct counting_sink *)ctx)->left = file->size;
	return 0;
}

static inline int counting_hole(void *ctx, uint64_t len, struct error *err)
{
	struct counting_sink *s = ctx;
	if (len > s->left)
		abort();
	s->left -= len;
	return 0;
}

static inline int counting_data(void *ctx, const void *data, size_t len, struct error *err)
{
	volatile uint8_t touched = len != 0 ? ((const uint8_t *)data)[len - 1] : 0;
	(void)touched;
	return counting_hole(ctx, len, err);
}

static inline int counting_end(void *ctx, uint32_t *id, struct error *err)
{
	struct counting_sink *s = ctx;
	if (s->left != 0)
		abort();
	*id = s->ids++;
	return 0;
}

static inline struct layer_sink counting_layer_sink(struct counting_sink *s)
{
	return (struct layer_sink){ s, counting_begin, counting_data, counting_hole, counting_end };
}
