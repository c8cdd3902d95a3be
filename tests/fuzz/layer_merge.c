/*
 * Up to three layers out of one input (cut at blocks of one byte value), the whole way: scan from the top, mask,
 * merge, repair. Every live file must end with data of its size, and no name or depth may be beyond the bounds.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "fuzz_tar.h"
#include "layer/entry.h"

#define LAYERS 3

struct input {
	const uint8_t *data;
	size_t len;
};

static int read_input(void *ctx, void *buf, size_t len, size_t *got, struct error *err)
{
	struct input *in = ctx;
	*got = MIN(len, in->len);
	memcpy(buf, in->data, *got);
	in->data += *got;
	in->len -= *got;
	return 0;
}

static size_t cut(const uint8_t *data, size_t size, struct input in[LAYERS])
{
	size_t n = 0, start = 0;
	for (size_t at = 0; at + 512 <= size && n < LAYERS - 1; at += 512) {
		if (data[at] != 0xff)
			continue;
		in[n++] = (struct input){ data + start, at - start };
		start = at + 512;
	}
	in[n++] = (struct input){ data + start, size - start };
	return n;
}

static void check(const struct tree *t)
{
	for (uint32_t i = 1; i < tree_node_count(t); i++) {
		if (tree_parent(t, i) == TREE_NONE)
			continue;
		const struct tree_inode *inode = tree_node(t, i);
		unsigned depth = 0;
		size_t len;
		for (uint32_t up = i; up != TREE_ROOT; up = tree_parent(t, up))
			if (++depth > LAYER_DEPTH_MAX)
				abort();
		const char *name = tree_name(t, i, &len);
		if (len == 0 || len > 255 || memchr(name, '/', len) != NULL ||
			memchr(name, '\0', len) != NULL || (len <= 2 && memcmp(name, "..", len) == 0))
			abort();
		if (inode->type == TREE_FILE && inode->data == TREE_NO_DATA)
			abort();
		if (inode->type == TREE_CHAR_DEVICE || inode->nlink == 0 ||
			tree_lookup(t, tree_parent(t, i), name, len) != i)
			abort();
	}
}

static int repair(
	struct layer_scan *scan, const struct input *layers, struct layer_merged *m, struct error *err)
{
	for (size_t at = 0, n; at < m->owed_count; at += n) {
		for (n = 1; at + n < m->owed_count && m->owed[at + n].layer == m->owed[at].layer; n++)
			;
		struct input in = layers[m->owed[at].layer];
		scan->input.ctx = &in;
		if (layer_repair(scan, m->tree, m->owed + at, n, err) < 0)
			abort(); /* the same bytes were read before */
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[LAYERS] = { "1", "2", "3" };
	uint8_t *copy = fuzz_mend(data, size);
	struct input layers[LAYERS];
	size_t count = cut(copy, size, layers);
	struct counting_sink counting = { 0 };
	struct layer_sink sink = counting_layer_sink(&counting);
	struct layer_limits limits = { .max_bytes = 8 << 20, .max_inodes = 3000, .max_ratio = 1000 };
	struct layer_mask *mask = layer_mask_new();
	struct layer_scan scan = {
		.name = "fuzz", .input = { NULL, read_input }, .sink = &sink, .limits = &limits, .threads = 1
	};
	struct layer_index *indexes[LAYERS] = { 0 };
	struct error err = ERROR_INIT;
	int rc = 0;
	for (size_t i = count; i-- > 0 && rc == 0;) {
		struct input in = layers[i];
		scan.input.ctx = &in;
		scan.mask = mask;
		rc = layer_scan(&scan, &indexes[i], &err);
		if (rc == 0)
			layer_mask_add(mask, indexes[i]);
	}
	struct layer_merged merged;
	if (rc == 0 && layer_merge(indexes, names, count, &merged, &err) == 0) {
		repair(&scan, layers, &merged, &err);
		check(merged.tree);
		layer_merged_cleanup(&merged);
	}
	for (size_t i = 0; i < count; i++)
		layer_index_free(indexes[i]);
	layer_mask_free(mask);
	error_clear(&err);
	free(copy);
	return 0;
}
