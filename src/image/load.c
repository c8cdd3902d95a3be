#include "image/load.h"

#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/space.h"
#include "image/assemble.h"
#include "image/attempt.h"
#include "rootfs/remove.h"
#include "rootfs/unpack.h"

struct load {
	struct container_scratch *scratch;
	struct extract_report *report;
	int tree;
	uint64_t written; /* bytes of file data, at a failure */
};

static int sink_begin(void *ctx, const struct tree_file *file, struct error *err)
{
	return unpack_file_begin(ctx, file, err);
}

static int sink_data(void *ctx, const void *data, size_t len, struct error *err)
{
	return unpack_file_data(ctx, data, len, err);
}

static int sink_hole(void *ctx, uint64_t len, struct error *err)
{
	return unpack_file_hole(ctx, len, err);
}

static int sink_end(void *ctx, uint32_t *id, struct error *err)
{
	return unpack_file_end(ctx, id, err);
}

static int unpack_layers(const struct load *l, const struct import_request *req, struct source *source,
	struct unpack *u, struct error *err)
{
	const struct layer_sink sink = {
		.ctx = u,
		.file_begin = sink_begin,
		.file_data = sink_data,
		.file_hole = sink_hole,
		.file_end = sink_end,
	};
	const struct source_image *image = source_image(source);
	const struct assembly what = {
		.req = req,
		.source = source,
		.image = image,
		.sink = &sink,
		.threads = req->squashfs.processors,
		.mtime = image_files_time(req, image),
	};
	struct layer_merged merged;
	if (image_assemble(&what, &merged, err) < 0)
		return -1;
	log_info("Loading container root filesystem...");
	int r = unpack_finish(u, merged.tree, l->report, err);
	layer_merged_cleanup(&merged);
	return r;
}

static int make_tree(void *ctx, const struct import_request *req, struct source *source, struct error *err)
{
	struct load *l = ctx;
	const struct unpack_options options = {
		.threads = req->squashfs.processors,
		.strip_setid = true,
		.no_xattrs = req->squashfs.no_xattrs,
		.has_all_time = req->squashfs.has_all_time,
		.all_time = req->squashfs.all_time,
	};
	l->tree = container_scratch_make_tree(l->scratch, err);
	struct unpack *u = l->tree >= 0 ? unpack_new(l->tree, &options, err) : NULL;
	if (u == NULL)
		return -1;
	int r = unpack_layers(l, req, source, u, err);
	l->written = unpack_bytes(u);
	unpack_free(u);
	return r;
}

static int remove_tree_again(void *ctx, struct error *err)
{
	struct load *l = ctx;
	if (l->tree >= 0)
		close(steal_fd(&l->tree));
	return remove_for_scratch(l->scratch->dir, CONTAINER_SCRATCH_TREE, l->scratch->path, err);
}

/* Layers do not say what they will be: three times their compressed size, or what was written already. */
static uint64_t guess_need(const struct load *l, const struct source *source)
{
	const struct source_image *image = source != NULL ? source_image(source) : NULL;
	uint64_t compressed = 0;
	for (size_t i = 0; image != NULL && i < image->layer_count; i++)
		compressed += image->layers[i].size;
	return MAX(3 * compressed, l->written);
}

int image_load(const struct import_request *req, struct container_scratch *scratch,
	struct extract_report *report, struct error *err)
{
	struct load l = { .scratch = scratch, .report = report, .tree = -1 };
	const struct image_attempt attempt = { &l, make_tree, remove_tree_again };
	struct source *source;
	if (source_open(req->uri, &req->source, &source, err) < 0)
		return -1;
	int r = image_attempt(req, &source, &attempt, err);
	if (r < 0)
		(void)space_hint_beside(scratch->path, guess_need(&l, source), "ENROOT_DATA_PATH", err);
	source_close(source);
	if (r < 0 && l.tree >= 0)
		close(l.tree);
	return r < 0 ? -1 : l.tree;
}
