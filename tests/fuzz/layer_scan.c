/* A whole layer as it is pulled: decompression by magic bytes, tar, classification, index; read back. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "fuzz_tar.h"
#include "layer/index.h"

struct input {
	const uint8_t *data;
	size_t len;
};

static int read_input(void *ctx, void *buf, size_t len, size_t *got, struct error *err)
{
	struct input *in = ctx;
	*got = MIN(len, in->len);
	memcpy(buf, in->data, *got);
	in->data += *got;
	in->len -= *got;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct counting_sink count = { 0 };
	struct layer_sink sink = counting_layer_sink(&count);
	struct layer_limits limits = { .max_bytes = 8 << 20, .max_inodes = 1000, .max_ratio = 1000 };
	struct layer_scan scan = {
		.name = "fuzz", .input = { &in, read_input }, .sink = &sink, .limits = &limits, .threads = 1
	};
	struct layer_index *index;
	struct error err = ERROR_INIT;
	if (layer_scan(&scan, &index, &err) == 0) {
		_cleanup_cursor_ struct layer_cursor c;
		struct layer_entry e;
		uint64_t n = 0;
		layer_cursor_init(&c, index, true);
		for (; layer_cursor_next(&c, &e); n++)
			if (e.path_len > 0 && (e.path[0] == '/' || e.path[e.path_len - 1] == '/'))
				abort();
		if (n != layer_index_entries(index))
			abort();
		layer_index_free(index);
	}
	error_clear(&err);
	return 0;
}
