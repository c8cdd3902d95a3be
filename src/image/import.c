#include "image/import.h"

#include <errno.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/publish.h"
#include "base/str.h"
#include "image/build.h"

/* Small layers first (they are soon out of the way), then from the top: the order in which they are scanned. */
#define SMALL_LAYER_BYTES (1024 * 1024)

static size_t *fetch_order(const struct source_image *image)
{
	size_t *order = xcalloc(image->layer_count, sizeof(*order));
	size_t n = 0;
	for (int small = 1; small >= 0; small--) {
		for (size_t i = image->layer_count; i-- > 0;) {
			if ((image->layers[i].size < SMALL_LAYER_BYTES) == small)
				order[n++] = i;
		}
	}
	return order;
}

static int fetch_and_build(
	const struct import_request *req, struct source *source, int fd, uint64_t *bytes, struct error *err)
{
	const struct source_image *image = source_image(source);
	_cleanup_free_ size_t *order = fetch_order(image);
	if (source_prefetch(source, order, image->layer_count, err) < 0)
		return -1;
	struct image_build build = { .req = req, .source = source, .image = image, .fd = fd };
	return image_build(&build, bytes, err);
}

static int import_once(const struct import_request *req, int fd, uint64_t *bytes, struct error *err)
{
	struct source *source;
	if (source_open(req->uri, &req->source, &source, err) < 0)
		return -1;
	int r = fetch_and_build(req, source, fd, bytes, err);
	source_close(source);
	return r;
}

int image_write(
	const struct import_request *req, int fd, const char *name, uint64_t *bytes, struct error *err)
{
	if (import_once(req, fd, bytes, err) == 0)
		return 0;
	if (err->code != EBADMSG)
		return -1;
	/* A blob in the cache was not what its name says; it is gone now, so fetch it again. */
	log_warn("%s", err->message);
	error_clear(err);
	if (ftruncate(fd, 0) < 0)
		return error_errno(err, "cannot write %s", name);
	return import_once(req, fd, bytes, err);
}

int image_import(const struct import_request *req, const char *output, struct error *err)
{
	_cleanup_publish_ struct publish out = PUBLISH_INIT;
	uint64_t bytes;
	if (publish_begin(&out, output, 0666, false, err) < 0 ||
		image_write(req, out.fd, output, &bytes, err) < 0 || publish_commit(&out, false, err) < 0)
		return -1;
	log_info("Wrote %s (%s)", output, str_bytes(bytes));
	return 0;
}
