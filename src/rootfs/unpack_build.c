/* rootfs/unpack_build.c - the tree's directories, links and metadata, depth first */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/interrupt.h"
#include "base/memory.h"
#include "base/publish.h"
#include "rootfs/copy.h"
#include "rootfs/unpack_private.h"

#define SPLIT_NAME "split" /* in unpack.aside */

struct level {
	uint32_t node, child; /* the directory, and which of its children comes next */
	int fd;
};

struct building {
	struct unpack *u;
	const struct tree *tree;
	struct level *levels;
	size_t depth, capacity; /* of the levels */
	uint64_t made;
};

static int fail_at(const struct building *b, uint32_t node, const char *what, struct error *err)
{
	int code = errno;
	_cleanup_free_ char *path = tree_path(b->tree, node);
	errno = code;
	return error_errno(err, "cannot %s %s", what, *path != '\0' ? path : "/");
}

static void name_of(const struct building *b, uint32_t node, char text[256])
{
	size_t len;
	const char *name = tree_name(b->tree, node, &len);
	memcpy(text, name, len);
	text[len] = '\0';
}

static struct meta meta_of(const struct building *b, const struct tree_inode *inode)
{
	const struct unpack_options *o = &b->u->options;
	return (struct meta){
		.is_dir = inode->type == TREE_DIRECTORY,
		.has_xattrs = !o->no_xattrs && inode->xattrs != TREE_NO_XATTRS,
		.mode = inode->mode,
		.mtime = o->has_all_time ? o->all_time : inode->mtime,
	};
}

/* Attributes, mode and times of an open file or directory. */
static int seal(struct building *b, int fd, const struct tree_inode *inode, unsigned depth, struct error *err)
{
	struct meta_rules *rules = &b->u->rules;
	struct meta m = meta_of(b, inode);
	const struct tree_xattr *list;
	size_t count = m.has_xattrs ? tree_xattrs(b->tree, inode->xattrs, &list) : 0;
	for (size_t i = 0; i < count; i++)
		meta_set_xattr(rules, fd, list[i].name, list[i].value, list[i].value_len);
	return meta_seal(rules, fd, &m, depth, true, err);
}

/* ---- what is no directory ---- */

static int make_symlink(struct building *b, int dir, const char *name, const struct tree_inode *inode)
{
	size_t len;
	const char *target = tree_symlink_target(b->tree, inode, &len);
	_cleanup_free_ char *text = xstrndup(target, len);
	return symlinkat(text, dir, name);
}

static int make_fifo(struct building *b, int dir, const char *name, const struct tree_inode *inode)
{
	struct meta m = meta_of(b, inode);
	mode_t mode = meta_mode(&b->u->rules, &m, 0);
	if (mkfifoat(dir, name, mode) < 0)
		return -1;
	return (mode & b->u->masked) != 0 ? fchmodat(dir, name, mode, 0) : 0;
}

/* A symlink or FIFO, with its owner and times. */
static int make_other(struct building *b, int dir, uint32_t node, const char *name, struct error *err)
{
	const struct tree_inode *inode = tree_node(b->tree, node);
	struct meta m = meta_of(b, inode);
	int r = inode->type == TREE_SYMLINK ? make_symlink(b, dir, name, inode)
					    : make_fifo(b, dir, name, inode);
	if (r < 0)
		return fail_at(b, node, "create", err);
	return meta_finish_name(&b->u->rules, dir, name, &m, err);
}

/* The first name is made here, the others from a link to it aside; a new first one where there may be no more. */
static int link_other(struct building *b, int dir, uint32_t node, const char *name, struct error *err)
{
	char anchor[24];
	snprintf(anchor, sizeof(anchor), "link-%" PRIu32, tree_node_inode(b->tree, node));
	if (linkat(b->u->aside, anchor, dir, name, 0) == 0)
		return 0;
	if (errno != ENOENT && errno != EMLINK)
		return fail_at(b, node, "link", err);
	if (errno == EMLINK && unlinkat(b->u->aside, anchor, 0) < 0)
		return fail_at(b, node, "link", err);
	if (make_other(b, dir, node, name, err) < 0)
		return -1;
	return linkat(dir, name, b->u->aside, anchor, 0) < 0 ? fail_at(b, node, "link", err) : 0;
}

/* The inode has all the names that it may have: the one aside becomes a name too, and a copy takes its place. */
static int split_file(
	struct building *b, int dir, uint32_t node, const char *aside, const char *name, struct error *err)
{
	int at = b->u->aside;
	_cleanup_close_ int from = openat(at, aside, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_close_ int to =
		openat(at, SPLIT_NAME, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (from < 0 || to < 0 || copy_file(from, to) < 0)
		return fail_at(b, node, "copy", err);
	if (seal(b, to, tree_node(b->tree, node), 0, err) < 0)
		return -1;
	if (rename_noreplace(at, aside, dir, name) < 0 || renameat(at, SPLIT_NAME, at, aside) < 0)
		return fail_at(b, node, "link", err);
	return 0;
}

static int fetch_file(struct building *b, int dir, uint32_t node, const char *name, struct error *err)
{
	const struct tree_inode *inode = tree_node(b->tree, node);
	char aside[ASIDE_NAME_SIZE];
	aside_name(inode->data, aside);
	if (inode->nlink == 1)
		return rename_noreplace(b->u->aside, aside, dir, name) < 0 ? fail_at(b, node, "create", err)
									   : 0;
	if (linkat(b->u->aside, aside, dir, name, 0) == 0)
		return 0;
	return errno == EMLINK ? split_file(b, dir, node, aside, name, err) : fail_at(b, node, "link", err);
}

static int make_entry(struct building *b, int dir, uint32_t node, struct error *err)
{
	const struct tree_inode *inode = tree_node(b->tree, node);
	char name[256];
	name_of(b, node, name);
	switch (inode->type) {
	case TREE_FILE:
		return b->u->placed[inode->data].is_home ? 0 : fetch_file(b, dir, node, name, err);
	case TREE_SYMLINK:
	case TREE_FIFO:
		return inode->nlink == 1 ? make_other(b, dir, node, name, err)
					 : link_other(b, dir, node, name, err);
	default:
		return error_set(err, EUCLEAN, "%s is of a type that is not unpacked", name);
	}
}

/* ---- directories ---- */

static void push(struct building *b, uint32_t node, int fd)
{
	grow_array(&b->levels, &b->capacity, b->depth + 1);
	b->levels[b->depth++] = (struct level){ node, tree_first_child(b->tree, node), fd };
}

static int enter(struct building *b, int parent, uint32_t node, struct error *err)
{
	char name[256];
	int fd = -1;
	name_of(b, node, name);
	if (mkdirat(parent, name, S_IRWXU) == 0 || errno == EEXIST)
		fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail_at(b, node, "create the directory", err);
	push(b, node, fd);
	return 0;
}

/* What is aside now are links to files that have their names. */
static int remove_aside(struct unpack *u, struct error *err)
{
	int fd = openat(u->aside, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	if (d == NULL) {
		if (fd >= 0)
			close(fd);
		return error_errno(err, "cannot list the directory for files");
	}
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		if (e->d_type != DT_DIR)
			(void)unlinkat(u->aside, e->d_name, 0);
	if (unlinkat(u->target, u->aside_name, AT_REMOVEDIR) < 0)
		return error_errno(err, "cannot remove the directory for files");
	return 0;
}

static int leave(struct building *b, struct error *err)
{
	struct level *l = &b->levels[--b->depth];
	const struct tree_inode *inode = tree_node(b->tree, l->node);
	int r = b->depth == 0 ? remove_aside(b->u, err) : 0; /* it is in there */
	if (r == 0 && seal(b, l->fd, inode, (unsigned)b->depth, err) < 0) {
		_cleanup_free_ char *path = tree_path(b->tree, l->node);
		r = error_prefix(err, "%s", *path != '\0' ? path : "/");
	}
	close(l->fd);
	return r;
}

static int run(struct building *b, struct error *err)
{
	while (b->depth > 0) {
		struct level *l = &b->levels[b->depth - 1];
		uint32_t node = l->child;
		if ((++b->made & 255) == 0 && interrupt_check(err) < 0)
			return -1;
		if (node == TREE_NONE) {
			if (leave(b, err) < 0)
				return -1;
			continue;
		}
		l->child = tree_next_sibling(b->tree, node);
		bool is_dir = tree_node(b->tree, node)->type == TREE_DIRECTORY;
		if ((is_dir ? enter(b, l->fd, node, err) : make_entry(b, l->fd, node, err)) < 0)
			return -1;
	}
	return 0;
}

int unpack_build(struct unpack *u, const struct tree *tree, struct error *err)
{
	struct building b = { .u = u, .tree = tree };
	int root = openat(u->target, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return error_errno(err, "cannot open the target directory");
	push(&b, TREE_ROOT, root);
	int r = run(&b, err);
	while (b.depth > 0)
		close(b.levels[--b.depth].fd);
	free(b.levels);
	return r;
}
