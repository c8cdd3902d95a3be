#include "export/image_scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/str.h"
#include "rootfs/refmap.h"

struct item {
	uint64_t ref;
	uint32_t name; /* in the level's names */
};

/* A directory on the way down. */
struct level {
	uint32_t node;
	struct buffer names;
	struct item *items; /* in byte order of the names */
	size_t count, capacity, next;
};

struct walk {
	struct sqfs_reader *reader;
	const struct scan_sink *sink;
	struct scan_report *report;
	const struct image_scan_limits *limits;
	struct tree *tree;
	uint64_t bytes, entries;
	struct refmap links;       /* place of an inode of several names → inode of the tree */
	struct refmap directories; /* places of those that were met */
	struct level *levels;
	size_t depth, capacity;
};

static int add_xattrs(struct walk *w, uint32_t index, uint32_t *id, struct error *err)
{
	struct sqfs_xattrs set;
	if (sqfs_xattrs_read(w->reader, index, &set, err) < 0)
		return -1;
	struct tree_xattr *list = xcalloc(set.count + 1, sizeof(*list));
	size_t count = 0;
	for (size_t i = 0; i < set.count; i++) {
		const struct sqfs_xattr *x = &set.items[i];
		if (scan_keeps_xattr(x->name) && x->value_len <= UINT16_MAX)
			list[count++] = (struct tree_xattr){
				.name = x->name, .value = x->value, .value_len = x->value_len
			};
	}
	*id = tree_add_xattrs(w->tree, list, count);
	free(list);
	sqfs_xattrs_cleanup(&set);
	return 0;
}

/* ---- directories ---- */

static int compare(const void *a, const void *b, void *names)
{
	const char *text = names;
	return strcmp(text + ((const struct item *)a)->name, text + ((const struct item *)b)->name);
}

static bool is_runtime(const struct walk *w, const struct sqfs_entry *e)
{
	return w->depth == 1 && (str_eq(e->name, ".lock") || str_eq(e->name, ".enroot"));
}

static int count_entry(struct walk *w, struct error *err)
{
	if (++w->entries <= w->limits->max_inodes)
		return 0;
	error_set(err, EFBIG, "the image has more than %llu entries",
		(unsigned long long)w->limits->max_inodes);
	return error_hint(err, "set ENROOT_LIMIT_INODES if that is right");
}

static int list(struct walk *w, struct level *l, const struct sqfs_inode *dir, struct error *err)
{
	struct sqfs_dir at;
	struct sqfs_entry e;
	int n;
	if (sqfs_dir_open(w->reader, dir, &at, err) < 0)
		return -1;
	while ((n = sqfs_dir_next(w->reader, &at, &e, err)) == 1) {
		if (count_entry(w, err) < 0)
			return -1;
		if (is_runtime(w, &e))
			continue;
		if (l->names.len > UINT32_MAX / 2)
			return error_set(err, EFBIG, "a directory of the image is too large");
		grow_array(&l->items, &l->capacity, l->count + 1);
		l->items[l->count++] = (struct item){ .ref = e.ref, .name = (uint32_t)l->names.len };
		buffer_append(&l->names, e.name, (size_t)e.name_len + 1);
	}
	if (l->count > 1)
		qsort_r(l->items, l->count, sizeof(*l->items), compare, l->names.data);
	return n;
}

/* A directory that is met twice is a circle, or would become two. */
static int push(struct walk *w, uint32_t node, const struct sqfs_inode *dir, bool is_dev, struct error *err)
{
	bool is_known;
	(void)refmap_get(&w->directories, dir->ref, &is_known);
	if (is_known)
		return error_set(err, EUCLEAN, "corrupt squashfs image: a directory is met a second time");
	grow_array(&w->levels, &w->capacity, w->depth + 1);
	struct level *l = &w->levels[w->depth++];
	*l = (struct level){ .node = node };
	return is_dev ? 0 : list(w, l, dir, err);
}

static void pop(struct walk *w)
{
	struct level *l = &w->levels[--w->depth];
	buffer_cleanup(&l->names);
	free(l->items);
}

/* ---- files ---- */

static int feed_extent(struct walk *w, const struct sqfs_extent *x, struct error *err)
{
	struct sqfs_data data;
	if (x->kind == SQFS_EXTENT_HOLE)
		return w->sink->file_hole(w->sink->ctx, x->len, err);
	if (sqfs_data_get(w->reader, x, &data, err) < 0)
		return -1;
	int r = w->sink->file_data(w->sink->ctx, data.bytes, x->len, err);
	sqfs_data_release(w->reader, &data);
	return r;
}

static int feed(struct walk *w, uint32_t node, const struct sqfs_inode *file, struct error *err)
{
	const struct scan_sink *sink = w->sink;
	struct sqfs_extents at;
	struct sqfs_extent extent;
	uint32_t id;
	int n;
	if (file->size > w->limits->max_bytes - w->bytes) {
		error_set(err, EFBIG, "the files of the image have more than %s",
			str_bytes(w->limits->max_bytes));
		return error_hint(err, "set ENROOT_LIMIT_BYTES if that is right");
	}
	w->bytes += file->size;
	if (sink->file_begin(sink->ctx, w->tree, node, file->size, err) < 0 ||
		sqfs_extents_open(w->reader, file, &at, err) < 0)
		return -1;
	while ((n = sqfs_extents_next(w->reader, &at, &extent, err)) == 1)
		if (interrupt_check(err) < 0 || feed_extent(w, &extent, err) < 0)
			return -1;
	if (n < 0 || sink->file_end(sink->ctx, &id, err) < 0)
		return -1;
	tree_node(w->tree, node)->data = id;
	progress_add(sink->progress, file->size);
	progress_add_entry(sink->progress);
	return 0;
}

static int add_target(struct walk *w, uint32_t inode, const struct sqfs_inode *link, struct error *err)
{
	_cleanup_free_ char *target = sqfs_symlink(w->reader, link, err);
	if (target == NULL)
		return -1;
	tree_inode(w->tree, inode)->target = tree_store_string(w->tree, target, strlen(target));
	return 0;
}

/* ---- entries ---- */

static enum tree_type type_of(const struct sqfs_inode *i)
{
	static const uint8_t types[] = { [SQFS_DIR] = TREE_DIRECTORY,
		[SQFS_FILE] = TREE_FILE,
		[SQFS_SYMLINK] = TREE_SYMLINK,
		[SQFS_FIFO] = TREE_FIFO,
		[SQFS_SOCKET] = TREE_SOCKET };
	enum tree_type type = (size_t)i->type < sizeof(types) ? (enum tree_type)types[i->type] : 0;
	return type != 0 ? type : TREE_CHAR_DEVICE;
}

/* Left there by x-create as the target of a mount. */
static bool is_mount_target(const struct sqfs_inode *i)
{
	return i->mode == 0 && (i->type == SQFS_DIR || (i->type == SQFS_FILE && i->size == 0));
}

static int add_inode(
	struct walk *w, const struct sqfs_inode *i, enum tree_type type, uint32_t *id, struct error *err)
{
	struct tree_inode inode = {
		.type = (uint8_t)type,
		.mode = i->mode,
		.mtime = i->mtime,
		.size = type == TREE_FILE ? i->size : 0,
		.data = type == TREE_FILE ? TREE_NO_DATA : 0,
		.xattrs = TREE_NO_XATTRS,
	};
	bool has_xattrs = type == TREE_FILE || type == TREE_DIRECTORY;
	if (has_xattrs && add_xattrs(w, i->xattrs, &inode.xattrs, err) < 0)
		return -1;
	*id = tree_add_inode(w->tree, &inode);
	return type == TREE_SYMLINK ? add_target(w, *id, i, err) : 0;
}

/* Name INODE in the current directory. */
static int add_node(struct walk *w, const char *name, uint32_t inode, uint32_t *node, struct error *err)
{
	uint32_t dir = w->levels[w->depth - 1].node;
	size_t len = strlen(name);
	if (tree_lookup(w->tree, dir, name, len) != TREE_NONE)
		return error_set(err, EUCLEAN, "the image has %s twice in a directory", name);
	*node = tree_add(w->tree, dir, name, len, inode);
	return 0;
}

static int visit(struct walk *w, const char *name, uint64_t ref, struct error *err)
{
	struct sqfs_inode i;
	uint32_t inode, node;
	bool is_known = false;
	if (sqfs_inode(w->reader, ref, &i, err) < 0)
		return -1;
	enum tree_type type = type_of(&i);
	if (is_mount_target(&i))
		return 0;
	if (type == TREE_CHAR_DEVICE || type == TREE_SOCKET) {
		w->report->special++;
		return 0;
	}
	uint64_t *place =
		type != TREE_DIRECTORY && i.nlink > 1 ? refmap_get(&w->links, ref, &is_known) : NULL;
	if (is_known)
		return add_node(w, name, (uint32_t)*place, &node, err);
	if (add_inode(w, &i, type, &inode, err) < 0)
		return -1;
	if (place != NULL)
		*place = inode;
	if (add_node(w, name, inode, &node, err) < 0)
		return -1;
	if (type == TREE_DIRECTORY)
		return push(w, node, &i, w->depth == 1 && str_eq(name, "dev"), err);
	return type == TREE_FILE ? feed(w, node, &i, err) : 0;
}

static int walk(struct walk *w, struct error *err)
{
	struct sqfs_inode root;
	uint32_t xattrs;
	if (sqfs_root(w->reader, &root, err) < 0 || add_xattrs(w, root.xattrs, &xattrs, err) < 0)
		return -1;
	struct tree_inode *inode = tree_node(w->tree, TREE_ROOT);
	inode->mode = root.mode;
	inode->mtime = root.mtime;
	inode->xattrs = xattrs;
	/* Of the root, too, is_runtime() sees a depth of 1. */
	if (push(w, TREE_ROOT, &root, false, err) < 0)
		return -1;
	while (w->depth > 0) {
		struct level *l = &w->levels[w->depth - 1];
		if (interrupt_check(err) < 0)
			return -1;
		if (l->next == l->count) {
			pop(w);
			continue;
		}
		const struct item *item = &l->items[l->next++];
		if (visit(w, l->names.data + item->name, item->ref, err) < 0)
			return -1;
	}
	return 0;
}

struct tree *image_scan(struct sqfs_image *image, const struct image_scan_limits *limits,
	const struct scan_sink *sink, struct scan_report *report, struct error *err)
{
	*report = (struct scan_report){ 0 };
	struct walk w = {
		.reader = sqfs_reader_new(image, err),
		.sink = sink,
		.report = report,
		.limits = limits,
		.tree = tree_new(),
	};
	int r = w.reader != NULL ? walk(&w, err) : -1;
	while (w.depth > 0)
		pop(&w);
	free(w.levels);
	refmap_cleanup(&w.links);
	refmap_cleanup(&w.directories);
	sqfs_reader_free(w.reader);
	if (r == 0)
		return w.tree;
	tree_free(w.tree);
	return NULL;
}
