#include "image/build.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "image/assemble.h"
#include "squashfs/writer.h"

static int sink_begin(void *ctx, const struct tree_file *file, struct error *err)
{
	return sqfs_writer_file_begin(ctx, file->size, err);
}

static int sink_data(void *ctx, const void *data, size_t len, struct error *err)
{
	return sqfs_writer_file_data(ctx, data, len, err);
}

static int sink_hole(void *ctx, uint64_t len, struct error *err)
{
	return sqfs_writer_file_hole(ctx, len, err);
}

static int sink_end(void *ctx, uint32_t *id, struct error *err)
{
	return sqfs_writer_file_end(ctx, id, err);
}

static uint32_t clamp_time(int64_t seconds)
{
	if (seconds < 0)
		return 0;
	return seconds > UINT32_MAX ? UINT32_MAX : (uint32_t)seconds;
}

struct sqfs_options image_options_in_force(const struct import_request *req)
{
	struct sqfs_options o = req->squashfs;
	if (!o.has_mkfs_time && req->has_epoch) {
		o.has_mkfs_time = true;
		o.mkfs_time = req->epoch;
	}
	return o;
}

char *image_options_text(const struct import_request *req, const struct source_image *image)
{
	struct sqfs_options o = image_options_in_force(req);
	_cleanup_free_ char *text = sqfs_options_format(&o);
	const char *architecture = image->config.architecture;
	return xasprintf("%s %s", architecture != NULL ? architecture : "unknown", text);
}

uint32_t image_files_time(const struct import_request *req, const struct source_image *image)
{
	struct sqfs_options o = image_options_in_force(req);
	if (o.has_all_time)
		return o.all_time;
	return o.has_mkfs_time ? o.mkfs_time : clamp_time(image->config.created);
}

static int write_image(const struct image_build *build, const struct sqfs_options *options,
	struct sqfs_writer *writer, uint64_t *bytes, struct error *err)
{
	const struct layer_sink sink = {
		.ctx = writer,
		.file_begin = sink_begin,
		.file_data = sink_data,
		.file_hole = sink_hole,
		.file_end = sink_end,
	};
	const struct assembly what = {
		.req = build->req,
		.source = build->source,
		.image = build->image,
		.sink = &sink,
		.threads = options->processors,
		.mtime = image_files_time(build->req, build->image),
	};
	struct layer_merged merged;
	if (image_assemble(&what, &merged, err) < 0)
		return -1;
	log_info("Creating squashfs filesystem...");
	int r = sqfs_writer_finish(writer, merged.tree, what.mtime, bytes, err);
	layer_merged_cleanup(&merged);
	return r;
}

int image_build(const struct image_build *build, uint64_t *bytes, struct error *err)
{
	struct sqfs_options options = image_options_in_force(build->req);
	struct sqfs_writer *writer = sqfs_writer_new(build->fd, 0, &options, err);
	if (writer == NULL)
		return -1;
	int r = write_image(build, &options, writer, bytes, err);
	sqfs_writer_free(writer);
	return r;
}
