#include "image/build.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/buffer.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/str.h"
#include "image/files.h"
#include "image/graft.h"
#include "squashfs/writer.h"

/* The state of one build; what it owns goes with builder_cleanup(). */
struct builder {
	const struct image_build *build;
	struct sqfs_options options; /* with the times that are in force */
	struct layer_limits limits;
	struct sqfs_writer *writer;
	struct layer_sink sink;
	struct layer_index **indexes; /* of each layer, bottom first */
	char **names;                 /* of each layer, for messages */
	struct layer_merged merged;
	struct progress progress;
	char label[64]; /* of the progress: the layer under way */
	uint32_t mtime; /* of the files that we add */
};

#define _cleanup_builder_ __attribute__((cleanup(builder_cleanup)))

static void builder_cleanup(struct builder *b)
{
	size_t count = b->build->image->layer_count;
	progress_end(&b->progress);
	for (size_t i = 0; i < count; i++) {
		layer_index_free(b->indexes[i]);
		free(b->names[i]);
	}
	free(b->indexes);
	free(b->names);
	layer_merged_cleanup(&b->merged);
	sqfs_writer_free(b->writer);
}

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

static struct sqfs_options options_in_force(const struct import_request *req)
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
	struct sqfs_options o = options_in_force(req);
	_cleanup_free_ char *text = sqfs_options_format(&o);
	const char *architecture = image->config.architecture;
	return xasprintf("%s %s", architecture != NULL ? architecture : "unknown", text);
}

/* Times that the options leave open: SOURCE_DATE_EPOCH, else when the image was created, else 0. */
static void choose_times(struct builder *b)
{
	const struct import_request *req = b->build->req;
	struct sqfs_options *o = &b->options;
	*o = options_in_force(req);
	if (o->has_all_time)
		b->mtime = o->all_time;
	else if (o->has_mkfs_time)
		b->mtime = o->mkfs_time;
	else
		b->mtime = clamp_time(b->build->image->config.created);
}

static int builder_init(struct builder *b, const struct image_build *build, struct error *err)
{
	const struct source_image *image = build->image;
	*b = (struct builder){ .build = build, .limits = build->req->limits };
	b->indexes = xcalloc(image->layer_count, sizeof(*b->indexes));
	b->names = xcalloc(image->layer_count, sizeof(*b->names));
	for (size_t i = 0; i < image->layer_count; i++)
		b->names[i] = xasprintf(
			"layer %zu of %zu (%s)", i + 1, image->layer_count, image->layers[i].digest);
	choose_times(b);
	b->writer = sqfs_writer_new(build->fd, 0, &b->options, err);
	if (b->writer == NULL)
		return -1;
	b->sink = (struct layer_sink){
		.ctx = b->writer,
		.file_begin = sink_begin,
		.file_data = sink_data,
		.file_hole = sink_hole,
		.file_end = sink_end,
	};
	return 0;
}

struct blob_input {
	struct source_blob *blob;
	struct progress *progress;
	bool is_damaged; /* its bytes are not those that its digest names */
};

static int blob_input_read(void *ctx, void *buf, size_t len, size_t *got, struct error *err)
{
	struct blob_input *in = ctx;
	if (source_blob_read(in->blob, buf, len, got, err) < 0) {
		in->is_damaged = err->code == EBADMSG;
		return -1;
	}
	progress_add(in->progress, *got);
	return 0;
}

static void blob_input_cancel(void *ctx)
{
	source_blob_cancel(((struct blob_input *)ctx)->blob);
}

/*
 * A layer made no sense: was it because its compressed bytes are not those that its digest names? Then that is the
 * error (EBADMSG), and another try fetches them again. Bytes that are the right ones stay nonsense (EINVAL).
 */
static void blame_blob(struct blob_input *in, struct error *err)
{
	_cleanup_error_ struct error damage = ERROR_INIT;
	if (err->code == EINTR || in->is_damaged)
		return;
	if (source_blob_finish(in->blob, &damage) < 0 && damage.code == EBADMSG)
		error_move(err, &damage);
	else if (err->code == EBADMSG)
		err->code = EINVAL;
}

/* Open layer I and do with it what RUN does with a scan of it. */
static int with_layer(struct builder *b, size_t i, const struct layer_mask *mask,
	int (*run)(struct builder *b, size_t i, const struct layer_scan *scan, struct error *err),
	struct error *err)
{
	const struct image_build *build = b->build;
	struct blob_input in = { .progress = &b->progress };
	if (source_blob_open(build->source, i, &in.blob, err) < 0)
		return error_prefix(err, "%s", b->names[i]);
	struct layer_scan scan = {
		.name = b->names[i],
		.input = { .ctx = &in, .read = blob_input_read, .cancel = blob_input_cancel },
		.diff_id = build->image->layers[i].diff_id,
		.allow_diff_id_mismatch = build->req->allow_diff_id_mismatch,
		.mask = mask,
		.sink = &b->sink,
		.limits = &b->limits,
		.threads = b->options.processors,
	};
	int r = run(b, i, &scan, err);
	if (r < 0)
		blame_blob(&in, err);
	source_blob_close(in.blob);
	return r;
}

static int scan_one(struct builder *b, size_t i, const struct layer_scan *scan, struct error *err)
{
	return layer_scan(scan, &b->indexes[i], err);
}

static uint64_t compressed_bytes(const struct source_image *image)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < image->layer_count; i++)
		sum += image->layers[i].size;
	return sum;
}

/* From the top: what the layers above hide need not be written. */
static int scan_layers(struct builder *b, struct error *err)
{
	const struct source_image *image = b->build->image;
	struct layer_mask *mask = layer_mask_new();
	int r = 0;
	log_info("Extracting image layers...");
	progress_begin(&b->progress, b->label, compressed_bytes(image));
	for (size_t i = image->layer_count; i-- > 0 && r == 0;) {
		snprintf(b->label, sizeof(b->label), "Layer %zu of %zu", i + 1, image->layer_count);
		r = with_layer(b, i, mask, scan_one, err);
		if (r == 0 && i != 0)
			layer_mask_add(mask, b->indexes[i]);
	}
	progress_end(&b->progress);
	layer_mask_free(mask);
	return r;
}

static int merge_layers(struct builder *b, struct error *err)
{
	const struct source_image *image = b->build->image;
	if (layer_merge(b->indexes, (const char *const *)b->names, image->layer_count, &b->merged, err) < 0)
		return -1;
	const struct layer_skipped *s = &b->merged.skipped;
	uint64_t special = s->devices + s->sockets + s->dev_entries;
	if (special != 0)
		log_info("Left out %" PRIu64 " devices, sockets and entries of /dev", special);
	return 0;
}

struct owed_range {
	const struct layer_owed *first;
	size_t count;
};

static struct owed_range owed_of_layer(const struct layer_merged *merged, size_t layer)
{
	struct owed_range range = { 0 };
	for (size_t i = 0; i < merged->owed_count; i++) {
		if (merged->owed[i].layer != layer)
			continue;
		if (range.count++ == 0)
			range.first = &merged->owed[i];
	}
	return range;
}

static int repair_one(struct builder *b, size_t i, const struct layer_scan *scan, struct error *err)
{
	struct owed_range owed = owed_of_layer(&b->merged, i);
	return layer_repair(scan, b->merged.tree, owed.first, owed.count, err);
}

/* Bottom-up, so that the order of the data is the same every time. */
static int repair_layers(struct builder *b, struct error *err)
{
	if (b->merged.owed_count == 0)
		return 0;
	for (size_t i = 0; i < b->build->image->layer_count; i++) {
		if (owed_of_layer(&b->merged, i).count != 0 && with_layer(b, i, NULL, repair_one, err) < 0)
			return -1;
	}
	return 0;
}

static int graft_text(
	struct builder *b, const char *path, uint16_t mode, const struct buffer *text, struct error *err)
{
	return graft_file(b->merged.tree, &b->sink, path, text->data != NULL ? text->data : "", text->len,
		mode, b->mtime, err);
}

static int add_files(struct builder *b, struct error *err)
{
	const struct source_image *image = b->build->image;
	_cleanup_buffer_ struct buffer rc = BUFFER_INIT, local = BUFFER_INIT;
	_cleanup_buffer_ struct buffer environment = BUFFER_INIT, fstab = BUFFER_INIT;
	_cleanup_free_ char *options = image_options_text(b->build->req, image);
	_cleanup_free_ char *pinned = NULL;
	struct source_image recorded = *image;
	if (b->build->req->by_digest && image->origin != NULL)
		recorded.provenance = pinned = xasprintf("%s:%s", image->origin, image->manifest_digest);
	image_format_rc(&recorded, options, &rc);
	image_format_rc_local(&local);
	image_format_environment(&image->config, &environment);
	image_format_fstab(&image->config, &fstab);
	if (graft_text(b, "etc/rc", 0755, &rc, err) < 0 ||
		graft_text(b, "etc/rc.local", 0644, &local, err) < 0 ||
		graft_text(b, "etc/environment", 0644, &environment, err) < 0 ||
		graft_text(b, "etc/fstab", 0644, &fstab, err) < 0)
		return -1;
	return 0;
}

/* The working directory exists in every image of ours, and so do the volumes, usable (not the mode 000 of a
 * mount target). */
static void add_directories(struct builder *b)
{
	const struct image_config *config = &b->build->image->config;
	_cleanup_free_ char *dir = image_clean_path(config->working_dir != NULL ? config->working_dir : "/");
	if (!graft_directory(b->merged.tree, dir, b->mtime))
		log_warn("The working directory of the image is not a directory: %s", dir);
	for (size_t i = 0; i < config->volumes.count; i++) {
		_cleanup_free_ char *volume = image_clean_path(config->volumes.items[i]);
		(void)graft_directory(b->merged.tree, volume, b->mtime);
	}
}

int image_build(const struct image_build *build, uint64_t *bytes, struct error *err)
{
	_cleanup_builder_ struct builder b;
	if (builder_init(&b, build, err) < 0 || scan_layers(&b, err) < 0 || merge_layers(&b, err) < 0 ||
		repair_layers(&b, err) < 0 || add_files(&b, err) < 0)
		return -1;
	add_directories(&b);
	if (interrupt_check(err) < 0)
		return -1;
	log_info("Creating squashfs filesystem...");
	return sqfs_writer_finish(b.writer, b.merged.tree, b.mtime, bytes, err);
}
