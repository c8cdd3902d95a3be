#include "image/assemble.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/buffer.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/str.h"
#include "image/build.h"
#include "image/files.h"
#include "image/graft.h"

/* What one assembly needs on its way. */
struct assembling {
	const struct assembly *what;
	struct layer_limits limits;
	struct layer_index **indexes; /* of each layer, bottom first */
	char **names;                 /* of each layer, for messages */
	struct layer_merged *merged;
	struct progress progress;
	char label[64]; /* of the progress: the layer under way */
};

static void assembling_init(struct assembling *a, const struct assembly *what, struct layer_merged *merged)
{
	const struct source_image *image = what->image;
	*a = (struct assembling){ .what = what, .limits = what->req->limits, .merged = merged };
	a->indexes = xcalloc(image->layer_count, sizeof(*a->indexes));
	a->names = xcalloc(image->layer_count, sizeof(*a->names));
	for (size_t i = 0; i < image->layer_count; i++)
		a->names[i] = xasprintf(
			"layer %zu of %zu (%s)", i + 1, image->layer_count, image->layers[i].digest);
}

static void assembling_cleanup(struct assembling *a)
{
	progress_end(&a->progress);
	for (size_t i = 0; i < a->what->image->layer_count; i++) {
		layer_index_free(a->indexes[i]);
		free(a->names[i]);
	}
	free(a->indexes);
	free(a->names);
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
	if (err->code == EINTR || err->code == ENOSPC || in->is_damaged)
		return;
	if (source_blob_finish(in->blob, &damage) < 0 && damage.code == EBADMSG)
		error_move(err, &damage);
	else if (err->code == EBADMSG)
		err->code = EINVAL;
}

/* Open layer I and do with it what RUN does with a scan of it. */
static int with_layer(struct assembling *a, size_t i, const struct layer_mask *mask,
	int (*run)(struct assembling *a, size_t i, const struct layer_scan *scan, struct error *err),
	struct error *err)
{
	const struct assembly *what = a->what;
	struct blob_input in = { .progress = &a->progress };
	if (source_blob_open(what->source, i, &in.blob, err) < 0)
		return error_prefix(err, "%s", a->names[i]);
	struct layer_scan scan = {
		.name = a->names[i],
		.input = { .ctx = &in, .read = blob_input_read, .cancel = blob_input_cancel },
		.diff_id = what->image->layers[i].diff_id,
		.allow_diff_id_mismatch = what->req->allow_diff_id_mismatch,
		.mask = mask,
		.sink = a->what->sink,
		.limits = &a->limits,
		.threads = a->what->threads,
	};
	int r = run(a, i, &scan, err);
	if (r < 0)
		blame_blob(&in, err);
	source_blob_close(in.blob);
	return r;
}

static int scan_one(struct assembling *a, size_t i, const struct layer_scan *scan, struct error *err)
{
	return layer_scan(scan, &a->indexes[i], err);
}

static uint64_t compressed_bytes(const struct source_image *image)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < image->layer_count; i++)
		sum += image->layers[i].size;
	return sum;
}

/* From the top: what the layers above hide need not be written. */
static int scan_layers(struct assembling *a, struct error *err)
{
	const struct source_image *image = a->what->image;
	struct layer_mask *mask = layer_mask_new();
	int r = 0;
	log_info("Extracting image layers...");
	progress_begin(&a->progress, a->label, compressed_bytes(image));
	for (size_t i = image->layer_count; i-- > 0 && r == 0;) {
		snprintf(a->label, sizeof(a->label), "Layer %zu of %zu", i + 1, image->layer_count);
		r = with_layer(a, i, mask, scan_one, err);
		if (r == 0 && i != 0)
			layer_mask_add(mask, a->indexes[i]);
	}
	progress_end(&a->progress);
	layer_mask_free(mask);
	return r;
}

static int merge_layers(struct assembling *a, struct error *err)
{
	const struct source_image *image = a->what->image;
	if (layer_merge(a->indexes, (const char *const *)a->names, image->layer_count, a->merged, err) < 0)
		return -1;
	const struct layer_skipped *s = &a->merged->skipped;
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

static int repair_one(struct assembling *a, size_t i, const struct layer_scan *scan, struct error *err)
{
	struct owed_range owed = owed_of_layer(a->merged, i);
	return layer_repair(scan, a->merged->tree, owed.first, owed.count, err);
}

/* Bottom-up, so that the order of the data is the same every time. */
static int repair_layers(struct assembling *a, struct error *err)
{
	if (a->merged->owed_count == 0)
		return 0;
	for (size_t i = 0; i < a->what->image->layer_count; i++) {
		if (owed_of_layer(a->merged, i).count != 0 && with_layer(a, i, NULL, repair_one, err) < 0)
			return -1;
	}
	return 0;
}

static int graft_text(
	struct assembling *a, const char *path, uint16_t mode, const struct buffer *text, struct error *err)
{
	return graft_file(a->merged->tree, a->what->sink, path, text->data != NULL ? text->data : "",
		text->len, mode, a->what->mtime, err);
}

static int add_files(struct assembling *a, struct error *err)
{
	const struct source_image *image = a->what->image;
	_cleanup_buffer_ struct buffer rc = BUFFER_INIT, local = BUFFER_INIT;
	_cleanup_buffer_ struct buffer environment = BUFFER_INIT, fstab = BUFFER_INIT;
	_cleanup_free_ char *options = image_options_text(a->what->req, image);
	_cleanup_free_ char *pinned = NULL;
	struct source_image recorded = *image;
	if (a->what->req->by_digest && image->origin != NULL)
		pinned = xasprintf("%s:%s", image->origin, image->manifest_digest);
	if (pinned != NULL)
		recorded.provenance = pinned;
	image_format_rc(&recorded, options, &rc);
	image_format_rc_local(&local);
	image_format_environment(&image->config, &environment);
	image_format_fstab(&image->config, &fstab);
	if (graft_text(a, "etc/rc", 0755, &rc, err) < 0 ||
		graft_text(a, "etc/rc.local", 0644, &local, err) < 0 ||
		graft_text(a, "etc/environment", 0644, &environment, err) < 0 ||
		graft_text(a, "etc/fstab", 0644, &fstab, err) < 0)
		return -1;
	return 0;
}

/* The working directory exists in every image of ours, and so do the volumes, usable (not the mode 000 of a
 * mount target). */
static void add_directories(struct assembling *a)
{
	const struct image_config *config = &a->what->image->config;
	_cleanup_free_ char *dir = image_clean_path(config->working_dir != NULL ? config->working_dir : "/");
	if (!graft_directory(a->merged->tree, dir, a->what->mtime))
		log_warn("The working directory of the image is not a directory: %s", dir);
	for (size_t i = 0; i < config->volumes.count; i++) {
		_cleanup_free_ char *volume = image_clean_path(config->volumes.items[i]);
		(void)graft_directory(a->merged->tree, volume, a->what->mtime);
	}
}

static int assemble(struct assembling *a, struct error *err)
{
	if (scan_layers(a, err) < 0 || merge_layers(a, err) < 0 || repair_layers(a, err) < 0 ||
		add_files(a, err) < 0)
		return -1;
	add_directories(a);
	return interrupt_check(err);
}

int image_assemble(const struct assembly *what, struct layer_merged *merged, struct error *err)
{
	struct assembling a;
	*merged = (struct layer_merged){ 0 };
	assembling_init(&a, what, merged);
	int r = assemble(&a, err);
	assembling_cleanup(&a);
	if (r < 0)
		layer_merged_cleanup(merged);
	return r;
}
