#include "layer/resolve.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"

#define LINKS_MAX   40u           /* as Linux */
#define STRINGS_MAX 0xe0000000ull /* names and targets of one tree: offsets are 32 bits wide */

struct rest {
	const char *at, *end;
};

/* What is still to be walked: the path, and inside it the targets of symlinks, innermost last. */
struct walk {
	uint32_t node;
	unsigned depth, links, rests;
	struct rest rest[LINKS_MAX + 2];
};

void layer_resolver_cleanup(struct layer_resolver *r)
{
	buffer_cleanup(&r->cached);
}

void layer_resolver_forget(struct layer_resolver *r)
{
	r->cached_dir = TREE_NONE;
}

int layer_resolver_check(const struct layer_resolver *r, struct error *err)
{
	if (tree_node_count(r->tree) > r->max_inodes || tree_inode_count(r->tree) > r->max_inodes) {
		error_set(err, EFBIG, "the image has more than %" PRIu64 " entries", r->max_inodes);
		return error_hint(err, "set ENROOT_LIMIT_INODES if the image can be trusted");
	}
	if (tree_string_bytes(r->tree) > STRINGS_MAX)
		return error_set(err, EFBIG, "the names in the image take more than %llu bytes", STRINGS_MAX);
	return 0;
}

static bool next_component(struct walk *w, const char **name, size_t *len)
{
	while (w->rests > 0) {
		struct rest *rest = &w->rest[w->rests - 1];
		while (rest->at < rest->end && *rest->at == '/')
			rest->at++;
		if (rest->at == rest->end) {
			w->rests--;
			continue;
		}
		const char *slash = memchr(rest->at, '/', (size_t)(rest->end - rest->at));
		*name = rest->at;
		*len = (size_t)((slash != NULL ? slash : rest->end) - *name);
		rest->at = *name + *len;
		return true;
	}
	return false;
}

static int follow(struct walk *w, const struct tree *t, const struct tree_inode *link, struct error *err)
{
	if (++w->links > LINKS_MAX)
		return error_set(err, ELOOP, "more than %u symlinks in the path", LINKS_MAX);
	size_t len;
	const char *target = tree_symlink_target(t, link, &len);
	if (len > 0 && target[0] == '/') {
		w->node = TREE_ROOT;
		w->depth = 0;
	}
	/* Each link adds one rest, and at most LINKS_MAX are followed. */
	w->rest[w->rests++] = (struct rest){ target, target + len };
	return 0;
}

static uint32_t new_directory(struct tree *t)
{
	return tree_add_inode(
		t, &(struct tree_inode){ .type = TREE_DIRECTORY, .mode = 0755, .xattrs = TREE_NO_XATTRS });
}

static int make_directory(struct layer_resolver *r, struct walk *w, uint32_t node, const char *name,
	size_t len, struct error *err)
{
	if (len > LAYER_NAME_MAX)
		return error_set(err, ENAMETOOLONG, "a symlink leads to a name of %zu bytes", len);
	if (w->depth >= LAYER_DEPTH_MAX)
		return error_set(err, ENAMETOOLONG, "more than %u directories deep", LAYER_DEPTH_MAX);
	if (node == TREE_NONE) {
		node = tree_add(r->tree, w->node, name, len, new_directory(r->tree));
	} else { /* a file or the like in the place of a directory */
		tree_set_inode(r->tree, node, new_directory(r->tree));
		layer_resolver_forget(r);
	}
	w->node = node;
	w->depth++;
	return layer_resolver_check(r, err);
}

static int step(struct layer_resolver *r, struct walk *w, const char *name, size_t len, bool create,
	struct error *err)
{
	if (len == 1 && name[0] == '.')
		return 0;
	if (len == 2 && name[0] == '.' && name[1] == '.') {
		w->node = tree_parent(r->tree, w->node);
		w->depth -= w->depth > 0;
		return 0;
	}
	uint32_t node = tree_lookup(r->tree, w->node, name, len);
	const struct tree_inode *inode = node != TREE_NONE ? tree_node(r->tree, node) : NULL;
	if (inode != NULL && inode->type == TREE_DIRECTORY) {
		w->node = node;
		w->depth++;
		return 0;
	}
	if (inode != NULL && inode->type == TREE_SYMLINK)
		return follow(w, r->tree, inode, err);
	if (create)
		return make_directory(r, w, node, name, len, err);
	w->node = TREE_NONE;
	return 0;
}

static int walk_path(struct layer_resolver *r, struct walk *w, const char *path, size_t len, bool create,
	struct error *err)
{
	*w = (struct walk){ .node = TREE_ROOT, .rests = 1 };
	w->rest[0] = (struct rest){ path, path + len };
	const char *name;
	size_t name_len;
	while (w->node != TREE_NONE && next_component(w, &name, &name_len))
		if (step(r, w, name, name_len, create, err) < 0)
			return -1;
	return 0;
}

int layer_resolve_dir(
	struct layer_resolver *r, const char *path, size_t len, uint32_t *dir, struct error *err)
{
	struct walk w;
	if (walk_path(r, &w, path, len, false, err) < 0)
		return -1;
	*dir = w.node;
	return 0;
}

int layer_resolve(struct layer_resolver *r, const char *path, size_t len, bool create,
	struct layer_place *place, struct error *err)
{
	size_t dir_len;
	place->name = layer_path_last(path, len, &dir_len, &place->name_len);
	if (r->cached_dir == TREE_NONE || r->cached.len != dir_len ||
		(dir_len != 0 && memcmp(r->cached.data, path, dir_len) != 0)) {
		struct walk w;
		if (walk_path(r, &w, path, dir_len, create, err) < 0)
			return -1;
		place->dir = w.node;
		place->depth = w.depth + 1;
		if (w.node == TREE_NONE)
			return 0;
		r->cached.len = 0;
		buffer_append(&r->cached, path, dir_len);
		r->cached_dir = w.node;
		r->cached_depth = w.depth;
	}
	place->dir = r->cached_dir;
	place->depth = r->cached_depth + 1;
	return 0;
}
