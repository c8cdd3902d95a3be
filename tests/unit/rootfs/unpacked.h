/*
 * tests/unit/rootfs/unpacked.h - a tree in the making, for the tests of unpacking
 */
#pragma once

#include "../unit.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/xattr.h>

#include "base/interrupt.h"
#include "rootfs/remove.h"
#include "rootfs/unpack.h"
#include "scratch.h"

/* What a test needs: the directory "t", something that fills it, and the tree that it is to become. */
struct fixture {
	int dir;
	struct unpack *u;
	struct tree *tree;
	struct extract_report report;
	struct error err;
};

static inline void fixture_init(struct fixture *f, unsigned threads)
{
	const struct unpack_options options = { .threads = threads, .strip_setid = true };
	_cleanup_error_ struct error err = ERROR_INIT;
	assert_int_equal(remove_tree(AT_FDCWD, "t", "t", false, &err), 0);
	assert_int_equal(mkdir("t", 0700), 0);
	f->err = ERROR_INIT;
	f->dir = open_dir("t");
	f->u = unpack_new(f->dir, &options, &f->err);
	f->tree = tree_new();
	assert_non_null(f->u);
}

static inline void fixture_cleanup(struct fixture *f)
{
	unpack_free(f->u);
	tree_free(f->tree);
	close(f->dir);
	error_clear(&f->err);
}

static inline struct tree_file file_at(const char *path, uint64_t size)
{
	return (struct tree_file){
		.path = path, .path_len = strlen(path), .size = size, .mtime = 1000, .mode = 0640
	};
}

static inline uint32_t write_file(struct fixture *f, const char *path, const void *data, size_t len)
{
	struct tree_file file = file_at(path, len);
	uint32_t id;
	assert_int_equal(unpack_file_begin(f->u, &file, &f->err), 0);
	assert_int_equal(unpack_file_data(f->u, data, len, &f->err), 0);
	assert_int_equal(unpack_file_end(f->u, &id, &f->err), 0);
	return id;
}

static inline uint32_t write_text(struct fixture *f, const char *path, const char *text)
{
	return write_file(f, path, text, strlen(text));
}

static inline uint32_t add_node(struct fixture *f, const char *path, uint32_t inode)
{
	uint32_t dir = TREE_ROOT;
	for (const char *slash; (slash = strchr(path, '/')) != NULL; path = slash + 1) {
		uint32_t child = tree_lookup(f->tree, dir, path, (size_t)(slash - path));
		assert_int_not_equal(child, TREE_NONE);
		dir = child;
	}
	return tree_add(f->tree, dir, path, strlen(path), inode);
}

static inline uint32_t file_inode(struct fixture *f, uint32_t id)
{
	return tree_add_inode(f->tree, &(struct tree_inode){ .type = TREE_FILE,
					       .data = id,
					       .mode = 0640,
					       .mtime = 1000,
					       .xattrs = TREE_NO_XATTRS });
}

static inline void add_file(struct fixture *f, const char *path, uint32_t id)
{
	add_node(f, path, file_inode(f, id));
}

static inline void add_other(struct fixture *f, const char *path, uint8_t type, uint16_t mode)
{
	add_node(f, path,
		tree_add_inode(f->tree, &(struct tree_inode){ .type = type,
						.mode = mode,
						.mtime = 2000,
						.target = tree_store_string(f->tree, "somewhere", 9),
						.xattrs = TREE_NO_XATTRS }));
}

static inline void finish(struct fixture *f)
{
	if (unpack_finish(f->u, f->tree, &f->report, &f->err) < 0)
		fail_msg("%s", f->err.message);
}

static inline void assert_text(const char *path, const char *text)
{
	char buf[64] = "";
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	assert_int_not_equal(fd, -1);
	ssize_t n = fd_read_full(fd, buf, sizeof(buf) - 1);
	assert_int_equal(n, (ssize_t)strlen(text));
	assert_string_equal(buf, text);
}

static inline struct stat stat_of(const char *path)
{
	struct stat st;
	assert_int_equal(lstat(path, &st), 0);
	return st;
}

static inline unsigned count_entries(const char *path)
{
	unsigned n = 0;
	_cleanup_closedir_ DIR *d = opendir(path);
	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	return n - 2;
}

static const unsigned thread_rows[] = { 1, 4 };
