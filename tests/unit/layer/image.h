/* tests/unit/layer/image.h - whole images: scan from the top, merge, repair, and describe the tree as text */
#pragma once

#include "tarball.h"

#define LAYERS_MAX 8

struct image {
	struct buffer tars[LAYERS_MAX];
	const char *blobs[LAYERS_MAX]; /* instead of the tar, compressed */
	size_t blob_lens[LAYERS_MAX];
	size_t count;
	struct memory_sink sink;
	struct layer_merged merged;
	struct layer_limits limits;
	struct error err;
	size_t written_first; /* files written before the repair */
	size_t repaired;
	bool no_mask;
	unsigned threads;
	size_t input_step;
};

static const char *const layer_names[LAYERS_MAX] = { "layer 1", "layer 2", "layer 3", "layer 4", "layer 5",
	"layer 6", "layer 7", "layer 8" };

static inline struct layer_scan image_scan(
	struct image *im, size_t i, struct memory_input *in, const struct layer_sink *sink)
{
	*in = (struct memory_input){ im->tars[i].data, im->tars[i].len, im->input_step };
	if (im->blobs[i] != NULL)
		*in = (struct memory_input){ im->blobs[i], im->blob_lens[i], im->input_step };
	return (struct layer_scan){ .name = layer_names[i],
		.input = { in, memory_read },
		.sink = sink,
		.limits = &im->limits,
		.threads = im->threads != 0 ? im->threads : 1 };
}

static inline int image_repair(struct image *im, const struct layer_sink *sink)
{
	struct layer_merged *m = &im->merged;
	for (size_t at = 0; at < m->owed_count;) {
		size_t n = 1;
		uint32_t layer = m->owed[at].layer;
		while (at + n < m->owed_count && m->owed[at + n].layer == layer)
			n++;
		struct memory_input in;
		struct layer_scan scan = image_scan(im, layer, &in, sink);
		if (layer_repair(&scan, m->tree, m->owed + at, n, &im->err) < 0)
			return -1;
		at += n;
		im->repaired += n;
	}
	return 0;
}

/* The whole way. 0, or -1 with .err. */
static inline int image_build(struct image *im)
{
	struct layer_index *indexes[LAYERS_MAX] = { 0 };
	struct layer_mask *mask = layer_mask_new();
	struct layer_sink sink = memory_layer_sink(&im->sink);
	if (im->limits.max_bytes == 0)
		im->limits = LAYER_LIMITS_DEFAULT;
	int rc = 0;
	for (size_t i = im->count; i-- > 0 && rc == 0;) {
		struct memory_input in;
		struct layer_scan scan = image_scan(im, i, &in, &sink);
		scan.mask = im->no_mask ? NULL : mask;
		rc = layer_scan(&scan, &indexes[i], &im->err);
		if (rc == 0)
			layer_mask_add(mask, indexes[i]);
	}
	layer_mask_free(mask);
	im->written_first = im->sink.count;
	if (rc == 0)
		rc = layer_merge(indexes, layer_names, im->count, &im->merged, &im->err);
	for (size_t i = 0; i < im->count; i++)
		layer_index_free(indexes[i]);
	return rc == 0 ? image_repair(im, &sink) : -1;
}

static inline void image_cleanup(struct image *im)
{
	for (size_t i = 0; i < LAYERS_MAX; i++)
		buffer_cleanup(&im->tars[i]);
	memory_sink_cleanup(&im->sink);
	layer_merged_cleanup(&im->merged);
	error_clear(&im->err);
	*im = (struct image){ 0 };
}

static inline void describe_node(const struct image *im, uint32_t node, struct buffer *out)
{
	static const char letters[] = "?dflbcps";
	const struct tree *t = im->merged.tree;
	const struct tree_inode *i = tree_node(t, node);
	_cleanup_free_ char *path = tree_path(t, node);
	size_t len;
	if (out->len != 0)
		buffer_putc(out, ' ');
	buffer_printf(out, "%s:%c", path, letters[i->type]);
	if (i->type == TREE_SYMLINK) {
		const char *target = tree_symlink_target(t, i, &len);
		buffer_printf(out, "=%.*s", (int)len, target);
	} else if (i->type == TREE_FILE) {
		if (i->data >= im->sink.count)
			buffer_puts(out, "!NO DATA!");
		else
			buffer_printf(
				out, "=%s", im->sink.files[i->data].len ? im->sink.files[i->data].data : "");
		if (i->nlink > 1)
			buffer_printf(out, "*%u", i->nlink);
	}
}

/* "a:d a/b:f=text c:l=target", in order of names, children behind their directory. */
static inline char *image_describe(const struct image *im)
{
	const struct tree *t = im->merged.tree;
	struct buffer out = BUFFER_INIT;
	uint32_t *stack = NULL, *ids = NULL;
	size_t depth = 0, stack_capacity = 0, ids_capacity = 0;
	uint32_t node = TREE_ROOT;
	for (;;) {
		if (node != TREE_ROOT)
			describe_node(im, node, &out);
		if (tree_node(t, node)->type == TREE_DIRECTORY) {
			size_t n = tree_sorted_children(t, node, &ids, &ids_capacity);
			grow_array(&stack, &stack_capacity, depth + n);
			while (n > 0)
				stack[depth++] = ids[--n];
		}
		if (depth == 0)
			break;
		node = stack[--depth];
	}
	free(stack);
	free(ids);
	return buffer_steal(&out);
}
