#include "export/tree_tar.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"

#define LARGE_HOLE     (1ull << 30)
#define PATH_BYTES_MAX ((size_t)64 << 10) /* readers bound pax headers */

void tree_tar_cleanup(struct tree_tar *t)
{
	free(t->first);
	free(t->omitted);
	free(t->path);
	free(t->link);
}

/* The path of NODE in *PATH, without slashes at its ends. */
static int form_path(const struct tree *tree, uint32_t node, char **path, size_t *capacity, struct error *err)
{
	size_t len = 0, n;
	for (uint32_t i = node; i != TREE_ROOT; i = tree_parent(tree, i)) {
		(void)tree_name(tree, i, &n);
		len += n + 1;
	}
	if (len > PATH_BYTES_MAX) {
		_cleanup_free_ char *shown = tree_path(tree, node);
		return error_set(err, ENAMETOOLONG, "%s: the path is too long for a layer", shown);
	}
	grow_array(path, capacity, len + 1);
	char *end = *path + len;
	*(len > 0 ? end - 1 : end) = '\0';
	for (uint32_t i = node; i != TREE_ROOT; i = tree_parent(tree, i)) {
		const char *name = tree_name(tree, i, &n);
		end -= n + 1;
		memcpy(end, name, n);
		if (end != *path)
			end[-1] = '/';
	}
	return 0;
}

static bool has_name(const struct tree *tree, uint32_t node, const char *name)
{
	size_t len;
	const char *actual = tree_name(tree, node, &len);
	return len == strlen(name) && memcmp(actual, name, len) == 0;
}

/* OCI image spec, layer.md, "Whiteouts": such a name would delete something. */
static bool is_whiteout(const struct tree *tree, uint32_t node)
{
	static const char prefix[] = ".wh.";
	size_t len;
	const char *name = tree_name(tree, node, &len);
	return len >= sizeof(prefix) - 1 && memcmp(name, prefix, sizeof(prefix) - 1) == 0;
}

static bool is_file_of_etc(const struct tree *tree, uint32_t node, const char *name)
{
	uint32_t parent = tree_parent(tree, node);
	return parent != TREE_ROOT && tree_parent(tree, parent) == TREE_ROOT && has_name(tree, node, name) &&
	       has_name(tree, parent, "etc") && tree_node(tree, node)->type == TREE_FILE;
}

static bool is_omitted(struct tree_tar *t, const struct tree *tree, uint32_t node)
{
	if (node == TREE_ROOT)
		return false;
	uint32_t parent = tree_parent(tree, node);
	if (t->omitted[parent] != 0)
		return true;
	if (is_whiteout(tree, node)) {
		t->left_out_names++;
		return true;
	}
	for (unsigned i = 0; t->omit[i] != NULL; i++)
		if (is_file_of_etc(tree, node, t->omit[i]))
			return true;
	return false;
}

/* Where the first node of NODE's inode is kept. */
static uint32_t *first_of(struct tree_tar *t, const struct tree *tree, uint32_t node)
{
	size_t count = tree_inode_count(tree);
	grow_array(&t->first, &t->first_capacity, count);
	if (count > t->first_count)
		memset(t->first + t->first_count, 0, (count - t->first_count) * sizeof(*t->first));
	t->first_count = MAX(count, t->first_count);
	return &t->first[tree_node_inode(tree, node)];
}

static int write_hard_link(
	struct tree_tar *t, const struct tree *tree, uint32_t node, uint32_t first, struct error *err)
{
	const struct tree_inode *inode = tree_node(tree, node);
	if (form_path(tree, first, &t->link, &t->link_capacity, err) < 0)
		return -1;
	if (t->omitted[first] != 0) {
		error_set(err, EINVAL, "%s is another name of %s, which an image cannot have", t->path,
			t->link);
		return error_hint(err, "remove or rename %s", t->link);
	}
	const struct tar_member m = { .path = t->path,
		.type = TREE_FILE,
		.is_hard_link = true,
		.link = t->link,
		.mode = inode->mode,
		.mtime = inode->mtime };
	return tar_writer_member(t->writer, &m, err);
}

/* Those that a pax header can say; the caller frees the list. */
static size_t choose_xattrs(
	struct tree_tar *t, const struct tree *tree, uint32_t id, struct tree_xattr **chosen)
{
	const struct tree_xattr *list;
	size_t count = tree_xattrs(tree, id, &list), n = 0;
	*chosen = count != 0 ? xcalloc(count, sizeof(*list)) : NULL;
	for (size_t i = 0; i < count; i++) {
		if (tar_writer_takes_xattr(list[i].name))
			(*chosen)[n++] = list[i];
		else
			t->left_out_xattrs++;
	}
	return n;
}

static int write_member(struct tree_tar *t, const struct tree *tree, uint32_t node, struct error *err)
{
	const struct tree_inode *inode = tree_node(tree, node);
	_cleanup_free_ struct tree_xattr *xattrs = NULL;
	struct tar_member m = {
		.path = t->path,
		.type = (enum tree_type)inode->type,
		.mode = inode->mode,
		.mtime = inode->mtime,
		.size = inode->type == TREE_FILE ? inode->size : 0,
	};
	m.xattr_count = choose_xattrs(t, tree, inode->xattrs, &xattrs);
	m.xattrs = xattrs;
	if (inode->type == TREE_SYMLINK) {
		size_t len;
		const char *target = tree_symlink_target(tree, inode, &len);
		grow_array(&t->link, &t->link_capacity, len + 1);
		memcpy(t->link, target, len);
		t->link[len] = '\0';
		m.link = t->link;
	}
	return tar_writer_member(t->writer, &m, err);
}

/* Write the header of the next node. */
static int write_next(struct tree_tar *t, const struct tree *tree, struct error *err)
{
	uint32_t node = t->next++, *first = first_of(t, tree, node);
	grow_array(&t->omitted, &t->omitted_capacity, (size_t)node + 1);
	t->omitted[node] = is_omitted(t, tree, node);
	bool is_link = *first != 0;
	if (!is_link)
		*first = node + 1;
	t->discards = t->omitted[node] != 0;
	if (t->discards)
		return 0;
	if (form_path(tree, node, &t->path, &t->path_capacity, err) < 0)
		return -1;
	if (t->moved_from != NULL && is_file_of_etc(tree, node, t->moved_from)) {
		grow_array(&t->path, &t->path_capacity, strlen("etc/") + strlen(t->moved_to) + 1);
		sprintf(t->path, "etc/%s", t->moved_to);
	}
	return is_link ? write_hard_link(t, tree, node, *first - 1, err) : write_member(t, tree, node, err);
}

static int write_before(struct tree_tar *t, const struct tree *tree, uint32_t end, struct error *err)
{
	while (t->next < end)
		if (write_next(t, tree, err) < 0)
			return -1;
	return 0;
}

static int file_begin(void *ctx, const struct tree *tree, uint32_t node, uint64_t size, struct error *err)
{
	struct tree_tar *t = ctx;
	(void)size;
	if (write_before(t, tree, node, err) < 0)
		return -1;
	t->hole_bytes = 0;
	return write_next(t, tree, err);
}

static int file_data(void *ctx, const void *data, size_t len, struct error *err)
{
	const struct tree_tar *t = ctx;
	return t->discards ? 0 : tar_writer_data(t->writer, data, len, err);
}

/* Somebody's lastlog may be a terabyte of nothing. */
static void count_hole(struct tree_tar *t, uint64_t len)
{
	bool was_large = t->hole_bytes > LARGE_HOLE;
	t->hole_bytes += len;
	if (!was_large && t->hole_bytes > LARGE_HOLE)
		log_warn("%s has large holes, which take their time: a layer holds them as zeros", t->path);
}

static int file_hole(void *ctx, uint64_t len, struct error *err)
{
	struct tree_tar *t = ctx;
	if (t->discards)
		return 0;
	count_hole(t, len);
	return tar_writer_zeros(t->writer, len, err);
}

static int file_end(void *ctx, uint32_t *id, struct error *err)
{
	(void)ctx;
	(void)err;
	*id = 0;
	return 0;
}

struct scan_sink tree_tar_sink(struct tree_tar *t)
{
	return (struct scan_sink){ .ctx = t,
		.file_begin = file_begin,
		.file_data = file_data,
		.file_hole = file_hole,
		.file_end = file_end };
}

int tree_tar_finish(struct tree_tar *t, const struct tree *tree, struct error *err)
{
	if (write_before(t, tree, tree_node_count(tree), err) < 0)
		return -1;
	return tar_writer_finish(t->writer, err);
}
