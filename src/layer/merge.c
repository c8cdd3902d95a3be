/*
 * layer/merge.c - the exact merge: one tree out of the indexes, bottom up
 *
 * For each layer: where its hard links lead in the tree below, then its whiteouts on that tree, then its entries in
 * order (OCI image spec, layer.md, "Applying Changesets").
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/interrupt.h"
#include "base/memory.h"
#include "layer/resolve.h"

#define SKIPPED 1u /* tree_inode.mark: holds the place of a device until the end */

struct merge {
	struct layer_resolver paths;
	struct tree *tree;
	uint32_t layer;
	bool any_skipped;

	/* Of this layer's hard links, in order: the inode below, or TREE_NONE. */
	uint32_t *links;
	size_t link_count, link_capacity, next_link;

	struct layer_owed *owed; /* files without data: candidates */
	size_t owed_count, owed_capacity, owed_pruned;
	struct layer_skipped skipped;
};

static int entry_error(const struct layer_entry *e, struct error *err)
{
	return error_prefix(err, "entry %.*s", (int)MIN(e->path_len, 512), e->path_len != 0 ? e->path : "/");
}

static uint32_t new_inode(struct merge *m, const struct layer_entry *e, uint8_t type)
{
	struct tree_inode inode = {
		.type = type,
		.mode = layer_repaired_mode(type, e->mode),
		.mtime = e->mtime,
		.xattrs = tree_add_xattrs(m->tree, e->xattrs, e->xattr_count),
	};
	if (type == TREE_FILE) {
		inode.size = e->size;
		inode.data = e->data;
	} else if (type == TREE_SYMLINK) {
		inode.target = tree_store_string(m->tree, e->link, e->link_len);
	}
	return tree_add_inode(m->tree, &inode);
}

static uint32_t placeholder(struct merge *m)
{
	m->any_skipped = true;
	return tree_add_inode(m->tree,
		&(struct tree_inode){ .type = TREE_CHAR_DEVICE, .mark = SKIPPED, .xattrs = TREE_NO_XATTRS });
}

static bool is_passable(const struct tree_inode *inode)
{
	return inode->type == TREE_DIRECTORY || inode->type == TREE_SYMLINK;
}

/* Put INODE where the path leads; what was there goes, with all below it. */
static int put_inode(
	struct merge *m, const struct layer_place *place, uint32_t node, uint32_t inode, struct error *err)
{
	if (node == TREE_NONE) {
		if (place->depth > LAYER_DEPTH_MAX)
			return error_set(err, ENAMETOOLONG, "more than %u directories deep", LAYER_DEPTH_MAX);
		tree_add(m->tree, place->dir, place->name, place->name_len, inode);
		return layer_resolver_check(&m->paths, err);
	}
	if (is_passable(tree_node(m->tree, node)))
		layer_resolver_forget(&m->paths);
	tree_remove_children(m->tree, node);
	tree_set_inode(m->tree, node, inode);
	return layer_resolver_check(&m->paths, err);
}

static int find_place(struct merge *m, const struct layer_entry *e, struct layer_place *place, uint32_t *node,
	struct error *err)
{
	if (layer_resolve(&m->paths, e->path, e->path_len, true, place, err) < 0)
		return -1;
	*node = tree_lookup(m->tree, place->dir, place->name, place->name_len);
	return 0;
}

static int apply_new(struct merge *m, const struct layer_entry *e, uint8_t type, struct error *err)
{
	struct layer_place place;
	uint32_t node;
	if (find_place(m, e, &place, &node, err) < 0)
		return -1;
	return put_inode(m, &place, node, new_inode(m, e, type), err);
}

static void owe(struct merge *m, uint32_t inode, uint64_t entry)
{
	grow_array(&m->owed, &m->owed_capacity, m->owed_count + 1);
	m->owed[m->owed_count++] = (struct layer_owed){ .layer = m->layer, .inode = inode, .entry = entry };
}

static int apply_file(struct merge *m, const struct layer_entry *e, uint64_t number, struct error *err)
{
	struct layer_place place;
	uint32_t node;
	if (find_place(m, e, &place, &node, err) < 0)
		return -1;
	uint32_t inode = new_inode(m, e, TREE_FILE);
	if (e->data == LAYER_NOT_WRITTEN)
		owe(m, inode, number);
	return put_inode(m, &place, node, inode, err);
}

static void update_directory(struct merge *m, uint32_t node, const struct layer_entry *e)
{
	struct tree_inode *inode = tree_node(m->tree, node);
	inode->mode = layer_repaired_mode(TREE_DIRECTORY, e->mode);
	inode->mtime = e->mtime;
	inode->xattrs = tree_add_xattrs(m->tree, e->xattrs, e->xattr_count);
}

/* A directory over a directory keeps what is inside; over anything else, a symlink too, it is a new one. */
static int apply_directory(struct merge *m, const struct layer_entry *e, struct error *err)
{
	struct layer_place place;
	uint32_t node = TREE_ROOT;
	if (e->path_len != 0 && find_place(m, e, &place, &node, err) < 0)
		return -1;
	if (node != TREE_NONE && tree_node(m->tree, node)->type == TREE_DIRECTORY) {
		update_directory(m, node, e);
		return 0;
	}
	return put_inode(m, &place, node, new_inode(m, e, TREE_DIRECTORY), err);
}

/* The node that a hard link's target names: its last component is not followed. */
static int find_target(struct merge *m, const struct layer_entry *e, uint32_t *node, struct error *err)
{
	struct layer_place place;
	if (layer_resolve(&m->paths, e->link, e->link_len, false, &place, err) < 0)
		return error_prefix(err, "hard link target");
	*node = place.dir != TREE_NONE ? tree_lookup(m->tree, place.dir, place.name, place.name_len)
				       : TREE_NONE;
	return 0;
}

static bool is_in_dev(const struct layer_entry *e)
{
	return e->link_len > 4 && memcmp(e->link, "dev/", 4) == 0;
}

static int choose_target(
	struct merge *m, const struct layer_entry *e, uint32_t target, uint32_t *inode, struct error *err)
{
	uint32_t below = m->next_link < m->link_count ? m->links[m->next_link] : TREE_NONE;
	m->next_link++;
	if (target != TREE_NONE) {
		*inode = tree_node_inode(m->tree, target);
	} else if (below != TREE_NONE) {
		*inode = below; /* a whiteout of this layer took the name away */
	} else if (is_in_dev(e)) {
		m->skipped.dev_entries++;
		*inode = placeholder(m);
	} else {
		return error_set(err, ENOENT, "hard link target %.*s does not exist (yet)",
			(int)MIN(e->link_len, 512), e->link);
	}
	if (tree_inode(m->tree, *inode)->type == TREE_DIRECTORY)
		return error_set(err, EPERM, "hard link target %.*s is a directory",
			(int)MIN(e->link_len, 512), e->link);
	return 0;
}

static int apply_hardlink(struct merge *m, const struct layer_entry *e, struct error *err)
{
	uint32_t target, inode, node;
	struct layer_place place;
	if (find_target(m, e, &target, err) < 0 || choose_target(m, e, target, &inode, err) < 0 ||
		find_place(m, e, &place, &node, err) < 0)
		return -1;
	if (node != TREE_NONE && node == target)
		return error_set(err, ELOOP, "a hard link to itself");
	return put_inode(m, &place, node, inode, err);
}

static int apply_skipped(struct merge *m, const struct layer_entry *e, struct error *err)
{
	struct layer_place place;
	uint32_t node;
	if (find_place(m, e, &place, &node, err) < 0)
		return -1;
	return put_inode(m, &place, node, placeholder(m), err);
}

static int apply_entry(struct merge *m, const struct layer_entry *e, uint64_t number, struct error *err)
{
	switch (e->kind) {
	case LAYER_FILE:
		return apply_file(m, e, number, err);
	case LAYER_DIRECTORY:
		return apply_directory(m, e, err);
	case LAYER_SYMLINK:
		return apply_new(m, e, TREE_SYMLINK, err);
	case LAYER_FIFO:
		return apply_new(m, e, TREE_FIFO, err);
	case LAYER_HARDLINK:
		return apply_hardlink(m, e, err);
	case LAYER_SKIPPED:
		return apply_skipped(m, e, err);
	case LAYER_WHITEOUT:
	case LAYER_OPAQUE:
		break; /* done before */
	}
	return 0;
}

/* What is not there cannot be removed, and that is no error. */
static int apply_whiteout(struct merge *m, const struct layer_entry *e, struct error *err)
{
	struct layer_place place;
	uint32_t node = TREE_NONE;
	if (e->kind == LAYER_OPAQUE) {
		if (layer_resolve_dir(&m->paths, e->path, e->path_len, &node, err) < 0)
			return -1;
		if (node != TREE_NONE)
			tree_remove_children(m->tree, node);
	} else {
		if (layer_resolve(&m->paths, e->path, e->path_len, false, &place, err) < 0)
			return -1;
		if (place.dir != TREE_NONE)
			node = tree_lookup(m->tree, place.dir, place.name, place.name_len);
		if (node != TREE_NONE)
			tree_remove(m->tree, node);
	}
	layer_resolver_forget(&m->paths);
	return 0;
}

static int remember_link(struct merge *m, const struct layer_entry *e, struct error *err)
{
	uint32_t node;
	if (find_target(m, e, &node, err) < 0) {
		error_clear(err); /* this layer's own entries may make it right */
		node = TREE_NONE;
	}
	grow_array(&m->links, &m->link_capacity, m->link_count + 1);
	m->links[m->link_count++] = node != TREE_NONE ? tree_node_inode(m->tree, node) : TREE_NONE;
	return 0;
}

enum pass { PASS_LINKS, PASS_WHITEOUTS, PASS_ENTRIES };

static int pass_entry(
	struct merge *m, enum pass pass, const struct layer_entry *e, uint64_t number, struct error *err)
{
	bool whiteout = e->kind == LAYER_WHITEOUT || e->kind == LAYER_OPAQUE;
	if (pass == PASS_LINKS)
		return e->kind == LAYER_HARDLINK ? remember_link(m, e, err) : 0;
	if (pass == PASS_WHITEOUTS)
		return whiteout ? apply_whiteout(m, e, err) : 0;
	return apply_entry(m, e, number, err);
}

static int run_pass(struct merge *m, struct layer_index *index, enum pass pass, struct error *err)
{
	_cleanup_cursor_ struct layer_cursor c;
	struct layer_entry e;
	layer_cursor_init(&c, index, pass == PASS_ENTRIES);
	while (layer_cursor_next(&c, &e)) {
		if ((c.number & 4095) == 0 && interrupt_check(err) < 0)
			return -1;
		if (pass_entry(m, pass, &e, c.number, err) < 0)
			return entry_error(&e, err);
	}
	return 0;
}

/* Candidates whose last name is gone will not come back: only names lead to inodes. */
static void prune_owed(struct merge *m)
{
	size_t kept = 0;
	for (size_t i = 0; i < m->owed_count; i++)
		if (tree_inode(m->tree, m->owed[i].inode)->nlink != 0)
			m->owed[kept++] = m->owed[i];
	m->owed_count = m->owed_pruned = kept;
}

static void add_skipped(struct layer_skipped *sum, const struct layer_skipped *more)
{
	sum->devices += more->devices;
	sum->sockets += more->sockets;
	sum->dev_entries += more->dev_entries;
	sum->xattrs += more->xattrs;
}

static int merge_layer(struct merge *m, struct layer_index *index, struct error *err)
{
	const struct layer_index_facts *facts = layer_index_facts(index);
	m->paths.max_inodes = facts->max_inodes;
	m->link_count = m->next_link = 0;
	add_skipped(&m->skipped, &facts->skipped);
	if (facts->has_whiteouts) {
		if (facts->has_hardlinks && run_pass(m, index, PASS_LINKS, err) < 0)
			return -1;
		if (run_pass(m, index, PASS_WHITEOUTS, err) < 0)
			return -1;
	}
	if (run_pass(m, index, PASS_ENTRIES, err) < 0)
		return -1;
	if (m->owed_count > 2 * m->owed_pruned)
		prune_owed(m);
	return 0;
}

/* Devices only held their places; what came into /dev through a symlink goes too. */
static void remove_skipped(struct merge *m)
{
	uint32_t dev = tree_lookup(m->tree, TREE_ROOT, "dev", 3);
	if (dev != TREE_NONE && tree_node(m->tree, dev)->type == TREE_DIRECTORY)
		tree_remove_children(m->tree, dev);
	if (!m->any_skipped)
		return;
	for (uint32_t i = 1; i < tree_node_count(m->tree); i++)
		if (tree_parent(m->tree, i) != TREE_NONE && tree_node(m->tree, i)->mark == SKIPPED)
			tree_remove(m->tree, i);
}

int layer_merge(struct layer_index **layers, const char *const *names, size_t count,
	struct layer_merged *merged, struct error *err)
{
	struct merge m = { .tree = tree_new() };
	m.paths = (struct layer_resolver){ .tree = m.tree, .cached_dir = TREE_NONE };
	int rc = 0;
	for (size_t i = 0; i < count && rc == 0; i++) {
		m.layer = (uint32_t)i;
		rc = merge_layer(&m, layers[i], err);
		if (rc < 0)
			error_prefix(err, "%s", names[i]);
		layer_index_free(layers[i]);
		layers[i] = NULL;
	}
	if (rc == 0) {
		remove_skipped(&m);
		prune_owed(&m);
	}
	free(m.links);
	layer_resolver_cleanup(&m.paths);
	*merged = (struct layer_merged){ m.tree, m.owed, m.owed_count, m.skipped };
	if (rc < 0)
		layer_merged_cleanup(merged);
	return rc;
}

void layer_merged_cleanup(struct layer_merged *merged)
{
	tree_free(merged->tree);
	free(merged->owed);
	*merged = (struct layer_merged){ 0 };
}
