/*
 * layer/layer.h - layers of an OCI image, and the one tree they make
 *
 * The way of the data (doc/architecture.md): layers are scanned once, from the top. A scan decompresses, hashes
 * and parses one layer; it records every entry in a compact index and passes the data of files that no layer
 * above hides (the mask) to a sink. The exact bottom-up merge of the indexes then makes the tree; a repair pass
 * fetches the few files whose data the mask could not foresee. The merge is the authority, the mask only an
 * accelerator.
 *
 * Everything in a layer is hostile (OCI image spec, layer.md; POSIX pax; GNU tar).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "layer/sink.h"
#include "tree/tree.h"

/* Compressed or plain bytes of one layer, pulled. *GOT 0 means the end. Returns 0, or -1 with ERR. */
struct layer_input {
	void *ctx;
	int (*read)(void *ctx, void *buf, size_t len, size_t *got, struct error *err);
	/* May be NULL. Called from another thread when the scan is given up: a read that waits shall fail soon. */
	void (*cancel)(void *ctx);
};

/* Bounds on what one image may make of us, and what was used so far. One for all layers of an image. */
struct layer_limits {
	uint64_t max_bytes;  /* of uncompressed tar, all layers together */
	uint64_t max_inodes; /* entries, all layers together */
	uint64_t max_ratio;  /* uncompressed : compressed, per layer, above the first GiB */
	uint64_t used_bytes, used_inodes;
	uint64_t used_index; /* bytes of names, targets and attributes in the indexes */
};
#define LAYER_LIMITS_DEFAULT \
	((struct layer_limits){ .max_bytes = 1ull << 40, .max_inodes = 50000000, .max_ratio = 1000 })

/* What was left out of an image, for one [INFO] line. */
struct layer_skipped {
	uint64_t devices, sockets, dev_entries, xattrs;
};

struct layer_mask;  /* names that the layers above hide */
struct layer_index; /* the entries of one layer, in order */

struct layer_mask *layer_mask_new(void);
void layer_mask_free(struct layer_mask *mask);
/* Hide what the layer of INDEX hides from those below it. */
void layer_mask_add(struct layer_mask *mask, const struct layer_index *index);

struct layer_scan {
	const char *name; /* for messages: "layer 3 of 7 (sha256:…)" */
	struct layer_input input;
	const char *diff_id;           /* "sha256:HEX" expected of the tar bytes, or NULL */
	bool allow_diff_id_mismatch;   /* warn instead of failing */
	const struct layer_mask *mask; /* NULL: nothing is hidden */
	const struct layer_sink *sink;
	struct layer_limits *limits;
	unsigned threads; /* 0: as many as there are processors */
};

/* Scan one layer. The caller owns *INDEX. On failure the message names the layer, the entry and the offset. */
int layer_scan(const struct layer_scan *scan, struct layer_index **index, struct error *err);
void layer_index_free(struct layer_index *index);
uint64_t layer_index_entries(const struct layer_index *index);

/* Data that a live file still lacks: the bytes are in layer LAYER (0 = bottom), entry number ENTRY there. */
struct layer_owed {
	uint32_t layer;
	uint32_t inode; /* of the tree */
	uint64_t entry;
};

struct layer_merged {
	struct tree *tree;
	struct layer_owed *owed; /* sorted by layer, then entry */
	size_t owed_count;
	struct layer_skipped skipped;
};

/*
 * Merge COUNT indexes, LAYERS[0] the bottom one. Each index is consumed: freed and set to NULL as soon as it is
 * applied (on failure the rest stays). NAMES[i] as in layer_scan.name, for messages. MERGED is owned by the
 * caller after success.
 */
int layer_merge(struct layer_index **layers, const char *const *names, size_t count,
	struct layer_merged *merged, struct error *err);
void layer_merged_cleanup(struct layer_merged *merged);

/*
 * Repair pass over one layer: read it again and pass the data of the OWED entries (all of this layer, sorted)
 * to the sink; their inodes in TREE get the ids.
 */
int layer_repair(const struct layer_scan *scan, struct tree *tree, const struct layer_owed *owed,
	size_t count, struct error *err);
