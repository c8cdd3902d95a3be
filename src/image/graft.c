#include "image/graft.h"

#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"

#define MAX_SYMLINKS 40  /* as path_resolution(7) */
#define MAX_NAME     255 /* bytes: Linux, squashfs */

static uint32_t add_directory(struct tree *t, uint32_t parent, const char *name, size_t len, uint32_t mtime)
{
	struct tree_inode inode = {
		.type = TREE_DIRECTORY, .mode = 0755, .mtime = mtime, .xattrs = TREE_NO_XATTRS
	};
	return tree_add(t, parent, name, len, tree_add_inode(t, &inode));
}

/* The child directory NAME of PARENT, made if it is missing or is something else. */
static uint32_t force_directory(struct tree *t, uint32_t parent, const char *name, size_t len, uint32_t mtime)
{
	uint32_t node = tree_lookup(t, parent, name, len);
	if (node != TREE_NONE && tree_node(t, node)->type == TREE_DIRECTORY)
		return node;
	if (node != TREE_NONE)
		tree_remove(t, node);
	return add_directory(t, parent, name, len, mtime);
}

static int store_data(const struct layer_sink *sink, const struct tree_file *file, const void *data,
	uint32_t *id, struct error *err)
{
	if (sink->file_begin(sink->ctx, file, err) < 0)
		return -1;
	if (file->size != 0 && sink->file_data(sink->ctx, data, (size_t)file->size, err) < 0)
		return -1;
	return sink->file_end(sink->ctx, id, err);
}

int graft_file(struct tree *tree, const struct layer_sink *sink, const char *path, const void *data,
	size_t len, uint16_t mode, uint32_t mtime, struct error *err)
{
	struct tree_inode inode = {
		.type = TREE_FILE, .mode = mode, .mtime = mtime, .size = len, .xattrs = TREE_NO_XATTRS
	};
	const struct tree_file file = {
		.path = path, .path_len = strlen(path), .size = len, .mtime = mtime, .mode = mode
	};
	if (store_data(sink, &file, data, &inode.data, err) < 0)
		return error_prefix(err, "%s", path);

	uint32_t dir = TREE_ROOT;
	const char *slash;
	for (; (slash = strchr(path, '/')) != NULL; path = slash + 1)
		dir = force_directory(tree, dir, path, (size_t)(slash - path), mtime);
	uint32_t old = tree_lookup(tree, dir, path, strlen(path));
	if (old != TREE_NONE)
		tree_remove(tree, old); /* other names of a hard link keep their bytes */
	tree_add(tree, dir, path, strlen(path), tree_add_inode(tree, &inode));
	return 0;
}

/* Put what is left of the path behind the target of a symlink. */
static void splice_target(const struct tree *t, uint32_t node, struct buffer *rest, const char *after)
{
	size_t len;
	const char *target = tree_symlink_target(t, tree_node(t, node), &len);
	struct buffer spliced = BUFFER_INIT;
	buffer_append(&spliced, target, len);
	buffer_putc(&spliced, '/');
	buffer_puts(&spliced, after);
	buffer_cleanup(rest);
	*rest = spliced;
}

bool graft_directory(struct tree *tree, const char *path, uint32_t mtime)
{
	_cleanup_buffer_ struct buffer rest = BUFFER_INIT;
	buffer_puts(&rest, path);
	uint32_t dir = TREE_ROOT;
	unsigned symlinks = 0;
	const char *p = rest.data;
	if (*p == '/')
		p++;
	while (*p != '\0') {
		size_t len = strcspn(p, "/");
		const char *after = p + len + (p[len] == '/');
		if (len == 2 && memcmp(p, "..", 2) == 0) {
			dir = tree_parent(tree, dir);
		} else if (len != 0 && !(len == 1 && *p == '.')) {
			if (len > MAX_NAME)
				return false;
			uint32_t node = tree_lookup(tree, dir, p, len);
			if (node == TREE_NONE)
				node = add_directory(tree, dir, p, len, mtime);
			if (tree_node(tree, node)->type == TREE_SYMLINK) {
				if (++symlinks > MAX_SYMLINKS)
					return false;
				splice_target(tree, node, &rest, after);
				if (rest.data[0] == '/')
					dir = TREE_ROOT;
				p = rest.data;
				continue;
			}
			if (tree_node(tree, node)->type != TREE_DIRECTORY)
				return false;
			dir = node;
		}
		p = after;
	}
	return true;
}
