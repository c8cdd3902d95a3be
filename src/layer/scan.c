/* layer/scan.c - one pass over the bytes of one layer, for the first time or to repair */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "base/str.h"
#include "layer/mask.h"
#include "layer/stream.h"

#define INDEX_MAX (4ull << 30) /* bytes of all indexes of an image */

struct pass {
	const struct layer_scan *scan;
	struct layer_stream *stream;
	struct tar_reader *reader;
	struct layer_classifier classifier;
	struct layer_skipped skipped;
	uint64_t number; /* of the next entry that is kept */

	int (*visit)(
		struct pass *p, const struct tar_entry *tar, struct layer_entry *entry, struct error *err);
	bool (*is_done)(const struct pass *p); /* the rest is not needed; NULL: it is */

	struct layer_index *index; /* scan */
	struct layer_mask_walk *mask;

	struct tree *tree; /* repair */
	const struct layer_owed *owed;
	size_t owed_left;
};

static int write_file(struct pass *p, const struct layer_entry *entry, uint32_t *id, struct error *err)
{
	const struct layer_sink *sink = p->scan->sink;
	const struct tree_file file = {
		.path = entry->path,
		.path_len = entry->path_len,
		.size = entry->size,
		.mtime = entry->mtime,
		.mode = layer_repaired_mode(TREE_FILE, entry->mode),
		.xattrs = entry->xattrs,
		.xattr_count = entry->xattr_count,
	};
	if (sink->file_begin(sink->ctx, &file, err) < 0 || tar_reader_data(p->reader, sink, err) < 0 ||
		sink->file_end(sink->ctx, id, err) < 0)
		return -1;
	if (*id == LAYER_NOT_WRITTEN)
		return error_set(err, EFBIG, "too many files");
	return 0;
}

static int use_inodes(struct layer_limits *limits, uint64_t count, struct error *err)
{
	if (__atomic_add_fetch(&limits->used_inodes, count, __ATOMIC_RELAXED) <= limits->max_inodes)
		return 0;
	error_set(err, EFBIG, "the layers of this image have more than %" PRIu64 " entries",
		limits->max_inodes);
	return error_hint(err, "set ENROOT_LIMIT_INODES if the image can be trusted");
}

/* Holes are no bytes of the tar, but of the file: they count as well. */
static int use_holes(struct layer_limits *limits, uint64_t bytes, struct error *err)
{
	if (bytes <= limits->max_bytes &&
		__atomic_add_fetch(&limits->used_bytes, bytes, __ATOMIC_RELAXED) <= limits->max_bytes)
		return 0;
	error_set(err, EFBIG, "with this sparse file of %s the layers of this image hold more than %s",
		str_bytes(bytes), str_bytes(limits->max_bytes));
	return error_hint(err, "set ENROOT_LIMIT_BYTES if the image can be trusted");
}

static int use_index(struct pass *p, size_t record, struct error *err)
{
	if (__atomic_add_fetch(&p->scan->limits->used_index, record, __ATOMIC_RELAXED) <= INDEX_MAX)
		return 0;
	return error_set(err, EFBIG, "the names in this image take more than %s", str_bytes(INDEX_MAX));
}

static int scan_entry(
	struct pass *p, const struct tar_entry *tar, struct layer_entry *entry, struct error *err)
{
	struct layer_limits *limits = p->scan->limits;
	if (use_inodes(limits, 1, err) < 0)
		return -1;
	if (entry->kind == LAYER_FILE) {
		if (tar->size > tar->stored && use_holes(limits, tar->size - tar->stored, err) < 0)
			return -1;
		if ((p->mask == NULL || !layer_mask_hides(p->mask, entry->path, entry->path_len)) &&
			write_file(p, entry, &entry->data, err) < 0)
			return -1;
	}
	return use_index(p, layer_index_add(p->index, entry), err);
}

static int repair_entry(
	struct pass *p, const struct tar_entry *tar, struct layer_entry *entry, struct error *err)
{
	if (p->owed_left == 0 || p->owed->entry != p->number)
		return 0;
	struct tree_inode *inode = tree_inode(p->tree, p->owed->inode);
	if (entry->kind != LAYER_FILE || inode->size != tar->size)
		return error_set(err, ESTALE, "the layer changed between two readings");
	p->owed++;
	p->owed_left--;
	return write_file(p, entry, &inode->data, err);
}

static bool repair_is_done(const struct pass *p)
{
	return p->owed_left == 0 && p->scan->diff_id == NULL;
}

/* The tar is the layer's last word: what comes after its end mark only counts for the digest. */
static int read_entries(struct pass *p, struct error *err)
{
	struct tar_entry tar;
	struct layer_entry entry;
	int rc;
	while ((p->is_done == NULL || !p->is_done(p)) && (rc = tar_reader_next(p->reader, &tar, err)) != 0) {
		if (rc > 0)
			rc = layer_classify(&p->classifier, &tar, &entry, err);
		if (rc > 0)
			rc = p->visit(p, &tar, &entry, err) < 0 ? -1 : 1;
		if (rc < 0 && tar.path_len != 0)
			return error_prefix(err, "entry %.*s (offset %" PRIu64 ")",
				(int)MIN(tar.path_len, 512), tar.path, tar.offset);
		if (rc < 0)
			return -1;
		p->number += (uint64_t)rc;
	}
	return 0;
}

static int check_diff_id(struct pass *p, struct error *err)
{
	char hex[SHA256_HEX_SIZE];
	const char *want = p->scan->diff_id;
	layer_stream_digest(p->stream, hex);
	if (str_starts_with(want, "sha256:") && str_eq(want + strlen("sha256:"), hex))
		return 0;
	if (p->scan->allow_diff_id_mismatch) {
		log_warn("%s: the tar's digest is sha256:%s, the image says %s", p->scan->name, hex, want);
		return 0;
	}
	error_set(err, EBADMSG, "the tar's digest is sha256:%s, the image says %s", hex, want);
	return error_hint(err, "set ENROOT_ALLOW_DIFFID_MISMATCH=y to use the image nevertheless");
}

static int run(struct pass *p, struct error *err)
{
	if (read_entries(p, err) < 0)
		return -1;
	if (p->is_done != NULL && p->is_done(p))
		return 0;
	if (layer_stream_drain(p->stream, err) < 0)
		return -1;
	return p->scan->diff_id != NULL ? check_diff_id(p, err) : 0;
}

static int run_pass(struct pass *p, struct layer_limits *limits, struct error *err)
{
	const struct layer_scan *scan = p->scan;
	p->classifier.skipped = &p->skipped;
	p->stream = layer_stream_open(&(struct layer_stream_options){
		.input = &scan->input,
		.limits = limits,
		.hash = scan->diff_id != NULL,
		.threads = scan->threads,
	});
	p->reader = tar_reader_new(&(struct tar_source){ p->stream, layer_stream_next });
	int rc = run(p, err);
	tar_reader_free(p->reader);
	layer_stream_close(p->stream);
	layer_classifier_cleanup(&p->classifier);
	return rc < 0 ? error_prefix(err, "%s", scan->name) : 0;
}

int layer_scan(const struct layer_scan *scan, struct layer_index **index, struct error *err)
{
	struct pass p = { .scan = scan, .visit = scan_entry, .index = layer_index_new() };
	if (scan->mask != NULL) {
		p.mask = xmalloc(sizeof(*p.mask));
		layer_mask_walk_init(p.mask, scan->mask);
	}
	int rc = run_pass(&p, scan->limits, err);
	if (p.mask != NULL)
		layer_mask_walk_cleanup(p.mask);
	free(p.mask);
	layer_index_finish(p.index);
	struct layer_index_facts *facts = layer_index_facts(p.index);
	facts->skipped = p.skipped;
	facts->max_inodes = scan->limits->max_inodes;
	if (rc < 0) {
		layer_index_free(p.index);
		return -1;
	}
	*index = p.index;
	return 0;
}

int layer_repair(const struct layer_scan *scan, struct tree *tree, const struct layer_owed *owed,
	size_t count, struct error *err)
{
	struct pass p = { .scan = scan,
		.visit = repair_entry,
		.is_done = repair_is_done,
		.tree = tree,
		.owed = owed,
		.owed_left = count };
	if (run_pass(&p, NULL, err) < 0)
		return -1;
	if (p.owed_left != 0)
		return error_set(err, ESTALE, "%s: the layer changed between two readings", scan->name);
	return 0;
}
