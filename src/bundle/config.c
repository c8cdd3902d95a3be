#include "bundle/config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/fd.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/str.h"
#include "build-config.h"
#include "squashfs/writer.h"
#include "tree/tree.h"

#define FILE_MAX (16u << 20) /* bytes of one hook or mount file */

struct builder {
	struct sqfs_writer *writer;
	struct tree *tree;
	uint32_t time;
};

static uint32_t add_directory(struct builder *b, uint32_t parent, const char *name)
{
	const struct tree_inode inode = {
		.type = TREE_DIRECTORY, .mode = 0755, .mtime = b->time, .xattrs = TREE_NO_XATTRS
	};
	return tree_add(b->tree, parent, name, strlen(name), tree_add_inode(b->tree, &inode));
}

static int add_file(struct builder *b, uint32_t parent, const char *name, const void *data, size_t len,
	uint16_t mode, struct error *err)
{
	struct tree_inode inode = {
		.type = TREE_FILE, .mode = mode, .mtime = b->time, .size = len, .xattrs = TREE_NO_XATTRS
	};
	if (sqfs_writer_file_begin(b->writer, len, err) < 0 ||
		(len > 0 && sqfs_writer_file_data(b->writer, data, len, err) < 0) ||
		sqfs_writer_file_end(b->writer, &inode.data, err) < 0)
		return -1;
	tree_add(b->tree, parent, name, strlen(name), tree_add_inode(b->tree, &inode));
	return 0;
}

/* Links are resolved. /dev/null, which switches a hook off, becomes an empty file that nobody can execute. */
static int copy_file(
	struct builder *b, uint32_t parent, int dir, const char *name, const char *path, struct error *err)
{
	_cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	_cleanup_free_ char *data = NULL;
	struct stat st;
	size_t len = 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_errno(err, "cannot open %s/%s", path, name);
	if (S_ISCHR(st.st_mode))
		return add_file(b, parent, name, "", 0, 0644, err);
	if (!S_ISREG(st.st_mode))
		return 0;
	if (fd_read_all(fd, FILE_MAX, &data, &len) < 0)
		return error_errno(err, "cannot read %s/%s", path, name);
	return add_file(b, parent, name, data, len, (st.st_mode & 0111) != 0 ? 0755 : 0644, err);
}

static int compare_entries(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int copy_directory(
	struct builder *b, uint32_t parent, const char *base, const char *name, struct error *err)
{
	_cleanup_free_ char *path = path_join(base, name);
	struct dirent **entries = NULL;
	uint32_t node = add_directory(b, parent, name);
	int count = scandir(path, &entries, is_visible, compare_entries);
	if (count < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (count < 0)
		return error_errno(err, "cannot read %s", path);
	_cleanup_close_ int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = dir < 0 ? error_errno(err, "cannot open %s", path) : 0;
	for (int i = 0; i < count; i++) {
		if (r == 0)
			r = copy_file(b, node, dir, entries[i]->d_name, path, err);
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int copy_tree(struct builder *b, uint32_t etc, const char *name, const char *base, struct error *err)
{
	static const char *const parts[] = { "environ.d", "hooks.d", "mounts.d" };
	uint32_t node = add_directory(b, etc, name);
	for (unsigned i = 0; base != NULL && i < ARRAY_SIZE(parts); i++) {
		if (copy_directory(b, node, base, parts[i], err) < 0)
			return -1;
	}
	return 0;
}

static int add_info(struct builder *b, const struct bundle_request *req, uint64_t bytes, struct error *err)
{
	_cleanup_buffer_ struct buffer text = BUFFER_INIT;
	buffer_printf(&text, "bytes=%" PRIu64 "\n", bytes);
	if (req->description != NULL)
		buffer_printf(&text, "description=%s\n", req->description);
	if (req->target != NULL)
		buffer_printf(&text, "target=%s\n", req->target);
	buffer_printf(&text, "version=%s\n", ENROOT_VERSION);
	return add_file(b, TREE_ROOT, BUNDLE_INFO, text.data, text.len, 0644, err);
}

static int add_settings(struct builder *b, uint32_t etc, const struct strv *settings, struct error *err)
{
	_cleanup_buffer_ struct buffer text = BUFFER_INIT;
	for (size_t i = 0; i < settings->count; i++) {
		if (strchr(settings->items[i], '\n') == NULL)
			buffer_printf(&text, "%s\n", settings->items[i]);
	}
	return add_file(b, etc, BUNDLE_SETTINGS, text.data, text.len, 0644, err);
}

static int add_library(struct builder *b, const char *dir, struct error *err)
{
	uint32_t node = add_directory(b, TREE_ROOT, BUNDLE_LIBRARY);
	_cleanup_close_ int fd = dir != NULL ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd < 0 || !fd_may_access(fd, "common.sh", R_OK))
		return 0;
	return copy_file(b, node, fd, "common.sh", dir, err);
}

static int fill(struct builder *b, const struct bundle_request *req, uint64_t bytes, struct error *err)
{
	if (add_info(b, req, bytes, err) < 0 || add_library(b, req->library_dir, err) < 0)
		return -1;
	uint32_t etc = add_directory(b, TREE_ROOT, BUNDLE_ETC);
	if (add_settings(b, etc, req->settings, err) < 0 ||
		copy_tree(b, etc, BUNDLE_SYSTEM, req->system_dir, err) < 0)
		return -1;
	return copy_tree(b, etc, BUNDLE_USER, req->user_dir, err);
}

int bundle_config_write(int fd, uint64_t offset, const struct bundle_request *req, uint64_t bytes,
	uint32_t time, uint64_t *len, struct error *err)
{
	struct sqfs_options options = SQFS_OPTIONS_DEFAULT;
	options.processors = 1;
	struct builder b = { .time = time, .writer = sqfs_writer_new(fd, offset, &options, err) };
	if (b.writer == NULL)
		return -1;
	b.tree = tree_new();
	tree_node(b.tree, TREE_ROOT)->mtime = time;
	int r = fill(&b, req, bytes, err);
	if (r == 0)
		r = sqfs_writer_finish(b.writer, b.tree, time, len, err);
	tree_free(b.tree);
	sqfs_writer_free(b.writer);
	return r;
}
