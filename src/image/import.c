#include "image/import.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/publish.h"
#include "base/space.h"
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

int image_write_from(const struct import_request *req, struct source **source, int fd, const char *name,
	uint64_t *bytes, struct error *err)
{
	if (fetch_and_build(req, *source, fd, bytes, err) == 0)
		return 0;
	if (err->code != EBADMSG)
		return -1;
	/* A blob in a cache was not what its name says; it is gone now, so fetch it again. What is only read stays as it
	 * is, and is left out. */
	struct import_request again = *req;
	again.source.system_caches = NULL;
	log_warn("%s", err->message);
	error_clear(err);
	source_close(steal_pointer(source));
	if (ftruncate(fd, 0) < 0)
		return error_errno(err, "cannot write %s", name);
	if (source_open(again.uri, &again.source, source, err) < 0)
		return -1;
	return fetch_and_build(&again, *source, fd, bytes, err);
}

int image_write(
	const struct import_request *req, int fd, const char *name, uint64_t *bytes, struct error *err)
{
	struct source *source;
	if (source_open(req->uri, &req->source, &source, err) < 0)
		return -1;
	int r = image_write_from(req, &source, fd, name, bytes, err);
	source_close(source);
	return r;
}

/* An image is about as large as its layers are, compressed. */
int image_space_hint(const char *path, const struct source *source, struct error *err)
{
	const struct source_image *image = source != NULL ? source_image(source) : NULL;
	uint64_t need = 0;
	for (size_t i = 0; image != NULL && i < image->layer_count; i++)
		need += image->layers[i].size;
	return space_hint_beside(path, need, NULL, err);
}

void import_result_cleanup(struct import_result *r)
{
	free(r->manifest_digest);
	*r = (struct import_result){ 0 };
}

static int write_and_publish(const struct import_request *req, struct source **source, struct publish *out,
	struct import_result *result, struct error *err)
{
	if (source_open(req->uri, &req->source, source, err) < 0 ||
		image_write_from(req, source, out->fd, out->path, &result->bytes, err) < 0)
		return -1;
	result->manifest_digest = xstrdup(source_image(*source)->manifest_digest);
	result->is_built = true;
	return publish_commit(out, false, err);
}

int image_import(
	const struct import_request *req, const char *output, struct import_result *result, struct error *err)
{
	_cleanup_publish_ struct publish out = PUBLISH_INIT;
	struct source *source = NULL;
	*result = (struct import_result){ 0 };
	if (publish_begin(&out, output, 0666, false, err) < 0)
		return image_space_hint(output, NULL, err);
	int r = write_and_publish(req, &source, &out, result, err);
	if (r < 0)
		(void)image_space_hint(output, source, err);
	source_close(source);
	if (r < 0)
		return -1;
	log_info("Wrote %s (%s)", output, str_bytes(result->bytes));
	return 0;
}
