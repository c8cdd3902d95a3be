#include "source/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/publish.h"
#include "base/space.h"

#define CACHE_MODE 0700
#define COPY_BYTES ((size_t)256 << 10)

int spool_open(const char *cache_path, struct error *err)
{
	if (cache_path == NULL)
		return error_set(err, EINVAL, "no cache directory is set");
	if (path_make_dirs(cache_path, CACHE_MODE, err) < 0)
		return -1;
	int fd = open(cache_path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	_cleanup_free_ char *name = publish_temp_name();
	_cleanup_free_ char *path = path_join(cache_path, name);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		error_errno(err, "cannot create a temporary file in %s", cache_path);
		return space_hint(cache_path, 0, "ENROOT_CACHE_PATH", err);
	}
	(void)unlink(path);
	return fd;
}

int spool_write_error(const char *cache_path, struct error *err)
{
	error_errno(err, "cannot write to a temporary file in %s", cache_path);
	return space_hint(cache_path, 0, "ENROOT_CACHE_PATH", err);
}

static int copy(int from, int to, const char *cache_path, const char *what, struct error *err)
{
	_cleanup_free_ char *buf = xmalloc(COPY_BYTES);
	for (;;) {
		ssize_t n = fd_read_full(from, buf, COPY_BYTES);
		if (interrupt_check(err) < 0)
			return -1;
		if (n < 0)
			return error_errno(err, "cannot read %s", what);
		if (n == 0)
			return 0;
		if (fd_write_full(to, buf, (size_t)n) < 0)
			return spool_write_error(cache_path, err);
	}
}

int spool_copy(const char *cache_path, int fd, const char *what, struct error *err)
{
	_cleanup_close_ int spool = spool_open(cache_path, err);
	if (spool < 0 || copy(fd, spool, cache_path, what, err) < 0)
		return -1;
	return steal_fd(&spool);
}
