#include "rootfs/copy.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/interrupt.h"
#include "base/memory.h"

#define BUFFER_SIZE (256u << 10)

/* By hand, where the kernel cannot: up to END, from *AT on. */
static int copy_bytes(int from, int to, off_t *at, off_t end)
{
	_cleanup_free_ char *buffer = xmalloc(BUFFER_SIZE);
	while (*at < end && !interrupt_requested()) {
		ssize_t n = fd_pread_full(
			from, buffer, (size_t)MIN(end - *at, (off_t)BUFFER_SIZE), (uint64_t)*at);
		if (n <= 0 || fd_pwrite_full(to, buffer, (size_t)n, (uint64_t)*at) < 0)
			return n == 0 ? 0 : -1;
		*at += n;
	}
	return 0;
}

static int copy_range(int from, int to, off_t at, off_t end)
{
	off_t in = at, out = at;
	while (in < end && !interrupt_requested()) {
		ssize_t n = copy_file_range(from, &in, to, &out, (size_t)(end - in), 0);
		if (n < 0 && errno != EINTR)
			return copy_bytes(from, to, &in, end);
		if (n == 0)
			return 0;
	}
	return 0;
}

int copy_file(int from, int to)
{
	struct stat st;
	if (fstat(from, &st) < 0 || ftruncate(to, st.st_size) < 0)
		return -1;
	for (off_t at = 0, end; at < st.st_size; at = end) {
		off_t data = lseek(from, at, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			break;
		if (data < 0) /* this file system does not tell */
			data = at;
		end = lseek(from, data, SEEK_HOLE);
		if (end < 0)
			end = st.st_size;
		if (copy_range(from, to, data, end) < 0)
			return -1;
	}
	if (!interrupt_requested())
		return 0;
	errno = EINTR;
	return -1;
}
