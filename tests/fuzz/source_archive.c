/* The members of an archive; every range has to lie inside. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"
#include "source/archive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_close_ int fd = memfd_create("fuzz", MFD_CLOEXEC);
	char path[64];
	struct archive *a;
	struct archive_range range;
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (archive_open(path, NULL, &a, &err) < 0)
		return 0;
	if (archive_find(a, "index.json", &range, &err) == 0 &&
		(range.start > size || range.size > size - range.start))
		abort();
	archive_free(a);
	return 0;
}
