#include <errno.h>
#include <inttypes.h>

#include "base/memory.h"
#include "layer/tar_private.h"

int tar_sparse_add(struct tar_sparse *sparse, uint64_t offset, uint64_t len, struct error *err)
{
	if (sparse->count >= TAR_SPARSE_MAX)
		return error_set(err, EFBIG, "more than %u pieces in a sparse file", TAR_SPARSE_MAX);
	grow_array(&sparse->map, &sparse->capacity, sparse->count + 1);
	sparse->map[sparse->count++] = (struct tar_segment){ offset, len };
	return 0;
}

int tar_sparse_check(const struct tar_sparse *sparse, uint64_t real_size, uint64_t stored, struct error *err)
{
	uint64_t at = 0, sum = 0;
	for (size_t i = 0; i < sparse->count; i++) {
		const struct tar_segment *s = &sparse->map[i];
		if (s->offset < at || s->offset > real_size || s->len > real_size - s->offset)
			return error_set(err, EBADMSG,
				"sparse map: piece %zu (offset %" PRIu64 ", %" PRIu64
				" bytes) overlaps or ends behind the file",
				i, s->offset, s->len);
		at = s->offset + s->len;
		sum += s->len; /* at most real_size */
	}
	if (sum != stored)
		return error_set(err, EBADMSG,
			"sparse map: the pieces are %" PRIu64 " bytes, the data %" PRIu64, sum, stored);
	return 0;
}
