#include "image/import.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/publish.h"
#include "base/space.h"
#include "base/str.h"
#include "image/attempt.h"
#include "image/build.h"

struct target {
	int fd;
	const char *name;
	uint64_t *bytes;
};

static int build_image(void *ctx, const struct import_request *req, struct source *source, struct error *err)
{
	const struct target *t = ctx;
	const struct image_build build = {
		.req = req, .source = source, .image = source_image(source), .fd = t->fd
	};
	return image_build(&build, t->bytes, err);
}

static int empty_image(void *ctx, struct error *err)
{
	const struct target *t = ctx;
	return ftruncate(t->fd, 0) < 0 ? error_errno(err, "cannot write %s", t->name) : 0;
}

int image_write_from(const struct import_request *req, struct source **source, int fd, const char *name,
	uint64_t *bytes, struct error *err)
{
	struct target target = { fd, name, bytes };
	const struct image_attempt attempt = { &target, build_image, empty_image };
	return image_attempt(req, source, &attempt, err);
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
