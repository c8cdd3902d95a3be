/*
 * The tar reader alone: whatever comes in, files are as long as they say, strings hold no NUL. The first byte says
 * how the stream is cut into pieces, and whether the data are read or skipped. Checksums are mended, or the fuzzer
 * would never get past them.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "fuzz_tar.h"
#include "layer/tar.h"

struct pieces {
	const uint8_t *data;
	size_t len, step;
};

static int next_piece(void *ctx, const uint8_t **data, size_t *len, struct error *err)
{
	struct pieces *p = ctx;
	*data = p->data;
	*len = MIN(p->len, p->step);
	p->data += *len;
	p->len -= *len;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t steps[] = { SIZE_MAX, 512, 777, 13 };
	if (size < 1)
		return 0;
	uint8_t choice = data[0];
	uint8_t *copy = fuzz_mend(data + 1, size - 1);
	struct pieces p = { copy, size - 1, steps[choice & 3] };
	struct tar_source source = { &p, next_piece };
	struct tar_reader *r = tar_reader_new(&source);
	struct counting_sink count = { 0 };
	struct layer_sink sink = counting_layer_sink(&count);
	struct error err = ERROR_INIT;
	struct tar_entry e;
	while (tar_reader_next(r, &e, &err) > 0) {
		if (memchr(e.path, '\0', e.path_len) != NULL || memchr(e.link, '\0', e.link_len) != NULL)
			abort();
		if (e.type != TAR_FILE || (choice & 4) != 0)
			continue;
		count.left = e.size;
		if (tar_reader_data(r, &sink, &err) < 0)
			break;
		if (count.left != 0)
			abort();
	}
	error_clear(&err);
	tar_reader_free(r);
	free(copy);
	return 0;
}
