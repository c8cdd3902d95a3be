#include "image/reuse.h"

#include <errno.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/publish.h"
#include "base/str.h"
#include "image/build.h"
#include "image/cached.h"
#include "image/record.h"

#define COPY_BYTES ((size_t)4 << 20)

static int open_same(const struct import_request *req, const struct source_image *image, const char *options)
{
	struct image_tag tag = { .digest = image->manifest_digest, .options = (char *)options };
	_cleanup_image_record_ struct image_record record = { 0 };
	_cleanup_free_ char *found = NULL;
	if (image->origin == NULL)
		return -1;
	image_cache_key(image->origin, tag.digest, tag.options, tag.hex);
	_cleanup_close_ int fd = image_cached_open(&req->images, &tag, &found);
	if (fd < 0 || !image_record_read_fd(fd, found, &record) ||
		!str_eq(record.provenance, image->provenance))
		return -1;
	return steal_fd(&fd);
}

static int copy(int from, int to, uint64_t size, struct error *err)
{
	if (ioctl(to, FICLONE, from) == 0)
		return 0;
	_cleanup_free_ char *buf = NULL;
	for (uint64_t at = 0; at < size;) {
		off_t in = (off_t)at, out = (off_t)at;
		size_t want = (size_t)MIN(size - at, COPY_BYTES);
		ssize_t n = buf == NULL ? copy_file_range(from, &in, to, &out, want, 0) : 0;
		if (n <= 0) { /* not between these two, or not on this kernel */
			buf = buf != NULL ? buf : xmalloc(COPY_BYTES);
			n = fd_pread_full(from, buf, want, at);
			if (n == 0)
				errno = EIO; /* cut under our hands */
			if (n <= 0)
				return error_errno(err, "cannot read an image of the cache");
			if (fd_pwrite_full(to, buf, (size_t)n, at) < 0)
				return error_errno(err, "cannot write the image");
		}
		at += (uint64_t)n;
		if (interrupt_check(err) < 0)
			return -1;
	}
	return 0;
}

int image_reuse(const struct import_request *req, const struct source_image *image, const char *options,
	const char *path, struct error *err)
{
	_cleanup_publish_ struct publish out = PUBLISH_INIT;
	struct stat st;
	_cleanup_close_ int fd = open_same(req, image, options);
	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	if (publish_begin(&out, path, IMAGE_OUTPUT_MODE, true, err) < 0 ||
		copy(fd, out.fd, (uint64_t)st.st_size, err) < 0 || image_publish(&out, err) < 0)
		return -1;
	log_info("Wrote %s (%s) from the cache", path, str_bytes((uint64_t)st.st_size));
	return 1;
}
