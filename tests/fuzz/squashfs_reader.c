/* Whole images: open, walk everything, read all data, attributes and links. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../unit/squashfs/walk.h"
#include "base/fd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_close_ int fd = memfd_create("image", MFD_CLOEXEC);
	if (fd < 0 || size == 0 || fd_write_full(fd, data, size) < 0)
		return 0;
	/* The last byte chooses between the shared cache and the reader's own. */
	const struct sqfs_image_options options = { .cache_bytes = (data[size - 1] & 1) != 0 ? 65536 : 0 };
	struct sqfs_image *image = sqfs_image_open(fd, "image", &options, &err);
	if (image == NULL) {
		if (!error_is_set(&err))
			abort();
		return 0;
	}
	struct walk_totals totals = { .max_entries = 2000, .max_bytes = 8 * 1024 * 1024 };
	if (walk_image(image, &totals, &err) < 0 && !error_is_set(&err))
		abort();
	sqfs_image_close(image);
	return 0;
}
