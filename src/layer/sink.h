/*
 * layer/sink.h - where file data go while a layer streams
 *
 * The squashfs writer is one, a directory (load) another. Calls come from one thread, one file at a time:
 * begin, any mix of data and holes, end. The id given at the end stands for the bytes from then on, and for one inode
 * of the merged tree at most, with the mode, time and attributes that the begin told; its path there may be another.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "tree/tree.h"

struct layer_sink {
	void *ctx;
	int (*file_begin)(void *ctx, const struct tree_file *file, struct error *err);
	int (*file_data)(void *ctx, const void *data, size_t len, struct error *err);
	int (*file_hole)(void *ctx, uint64_t len, struct error *err); /* zeros */
	int (*file_end)(void *ctx, uint32_t *id, struct error *err);
};
