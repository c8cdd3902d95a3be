/* One LZO1X block into buffers of several sizes. */
#include <stdint.h>
#include <stdlib.h>

#include "base/memory.h"
#include "squashfs/lzo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t sizes[] = { 1, 100, 8192, 131072 };
	_cleanup_free_ uint8_t *in = xmemdup(data, size); /* so that its end is guarded */
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		_cleanup_free_ uint8_t *out = xmalloc(sizes[i]);
		ssize_t n = sqfs_lzo_decode(in, size, out, sizes[i]);
		if (n > (ssize_t)sizes[i])
			abort();
	}
	return 0;
}
