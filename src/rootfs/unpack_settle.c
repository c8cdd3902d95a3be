/*
 * rootfs/unpack_settle.c - what was written meets the tree that the layers make
 *
 * They differ where a path led through a symlink, where one layer had a path twice, and for the names of hard links.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/interrupt.h"
#include "base/memory.h"
#include "rootfs/unpack_private.h"

struct settling {
	struct unpack *u;
	const struct tree *tree;
	uint32_t *node_of; /* of a directory of u->dirs: the same in the tree, or TREE_NONE */
	int fd;            /* of the directory looked at last, -1 */
	uint32_t dir;
};

/* Parents have smaller ids than their children. */
static void match_directories(struct settling *s)
{
	const struct tree *dirs = s->u->dirs;
	uint32_t count = tree_node_count(dirs);
	s->node_of = xcalloc(count, sizeof(*s->node_of));
	s->node_of[TREE_ROOT] = TREE_ROOT;
	for (uint32_t i = 1; i < count; i++) {
		size_t len;
		const char *name = tree_name(dirs, i, &len);
		uint32_t parent = s->node_of[tree_parent(dirs, i)];
		uint32_t node = parent != TREE_NONE ? tree_lookup(s->tree, parent, name, len) : TREE_NONE;
		bool is_dir = node != TREE_NONE && tree_node(s->tree, node)->type == TREE_DIRECTORY;
		s->node_of[i] = is_dir ? node : TREE_NONE;
	}
}

static bool is_home(const struct settling *s, const struct placed *p, uint32_t node)
{
	size_t len;
	const char *name = tree_name(s->tree, node, &len), *stored = s->u->names.data + p->name;
	return p->dir != ASIDE && s->node_of[p->dir] == tree_parent(s->tree, node) &&
	       (unsigned char)*stored == len && memcmp(stored + 1, name, len) == 0;
}

/* Files with several names are all made from one aside: no thread or directory has to be found again. */
static int match_files(struct settling *s, struct error *err)
{
	struct unpack *u = s->u;
	for (uint32_t node = 1; node < tree_node_count(s->tree); node++) {
		if (tree_parent(s->tree, node) == TREE_NONE)
			continue;
		const struct tree_inode *inode = tree_node(s->tree, node);
		if (inode->type != TREE_FILE)
			continue;
		if (inode->data >= u->placed_count)
			return error_set(err, EUCLEAN, "a file of the image has no data");
		struct placed *p = &u->placed[inode->data];
		p->is_wanted = 1;
		p->is_home = inode->nlink == 1 && is_home(s, p, node);
	}
	return 0;
}

static int enter(struct settling *s, uint32_t dir, struct error *err)
{
	if (s->fd >= 0 && s->dir == dir)
		return 0;
	if (s->fd >= 0)
		close(s->fd);
	s->dir = dir;
	s->fd = place_open(s->u, dir, O_PATH, err);
	return s->fd < 0 ? -1 : 0;
}

static int evict(struct settling *s, uint32_t id, struct error *err)
{
	struct unpack *u = s->u;
	struct placed *p = &u->placed[id];
	char aside[ASIDE_NAME_SIZE], name[256];
	aside_name(id, aside);
	if (p->dir == ASIDE) {
		if (!p->is_wanted && unlinkat(u->aside, aside, 0) < 0)
			return error_errno(err, "cannot remove a file that is not needed");
		return 0;
	}
	placed_name(u, id, name);
	if (enter(s, p->dir, err) < 0)
		return -1;
	if ((p->is_wanted ? renameat(s->fd, name, u->aside, aside) : unlinkat(s->fd, name, 0)) < 0)
		return error_errno(err, "cannot move %s", name);
	p->dir = ASIDE;
	return 0;
}

static int evict_files(struct settling *s, struct error *err)
{
	for (size_t id = 0; id < s->u->placed_count; id++) {
		if ((id & 1023) == 0 && interrupt_check(err) < 0)
			return -1;
		if (!s->u->placed[id].is_home && evict(s, (uint32_t)id, err) < 0)
			return -1;
	}
	return 0;
}

/* Directories that the tree does not have are empty by now, the deeper ones have the larger ids. */
static int remove_strays(struct settling *s, struct error *err)
{
	for (uint32_t i = tree_node_count(s->u->dirs); i-- > 1;) {
		char text[256];
		size_t len;
		if (s->node_of[i] != TREE_NONE)
			continue;
		const char *name = tree_name(s->u->dirs, i, &len);
		memcpy(text, name, len);
		text[len] = '\0';
		if (enter(s, tree_parent(s->u->dirs, i), err) < 0)
			return -1;
		if (unlinkat(s->fd, text, AT_REMOVEDIR) < 0)
			return error_errno(err, "cannot remove the directory %s", text);
	}
	return 0;
}

int unpack_settle(struct unpack *u, const struct tree *tree, struct error *err)
{
	struct settling s = { .u = u, .tree = tree, .fd = -1 };
	match_directories(&s);
	int r = match_files(&s, err) < 0 || evict_files(&s, err) < 0 || remove_strays(&s, err) < 0 ? -1 : 0;
	if (s.fd >= 0)
		close(s.fd);
	free(s.node_of);
	return r;
}
