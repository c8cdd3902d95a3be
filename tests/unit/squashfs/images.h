/*
 * tests/unit/squashfs/images.h - make an image in memory with the writer, and look into it with the reader
 */
#pragma once

#include "../unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "squashfs/reader.h"
#include "squashfs/writer.h"

/* ---- making images ---- */

struct image {
	struct sqfs_options options;
	struct tree *tree;
	struct sqfs_writer *writer;
	int fd;
	uint64_t offset, bytes;
	size_t piece; /* bytes at a time; 0: all */
	struct error err;
};

static inline void image_begin(struct image *im, const char *words)
{
	*im = (struct image){
		.options = SQFS_OPTIONS_DEFAULT, .tree = tree_new(), .offset = im->offset, .piece = im->piece
	};
	assert_int_equal(sqfs_options_parse(words, &im->options, &im->err), 0);
	im->fd = memfd_create("image", MFD_CLOEXEC);
	assert_true(im->fd >= 0);
	im->writer = sqfs_writer_new(im->fd, im->offset, &im->options, &im->err);
	assert_non_null(im->writer);
}

static inline void image_finish(struct image *im)
{
	int r = sqfs_writer_finish(im->writer, im->tree, 1234, &im->bytes, &im->err);
	if (r < 0)
		fail_msg("%s", im->err.message);
	sqfs_writer_free(im->writer);
	im->writer = NULL;
}

static inline void image_end(struct image *im)
{
	sqfs_writer_free(im->writer);
	tree_free(im->tree);
	close(im->fd);
	error_clear(&im->err);
}

static inline uint32_t add(struct image *im, uint32_t dir, const char *name, struct tree_inode inode)
{
	if (inode.xattrs == 0)
		inode.xattrs = TREE_NO_XATTRS;
	return tree_add(im->tree, dir, name, strlen(name), tree_add_inode(im->tree, &inode));
}

static inline uint32_t add_dir(struct image *im, uint32_t dir, const char *name)
{
	return add(im, dir, name, (struct tree_inode){ .type = TREE_DIRECTORY, .mode = 0750, .mtime = 9 });
}

static inline uint32_t store(struct image *im, const uint8_t *data, size_t len)
{
	uint32_t id;
	assert_int_equal(sqfs_writer_file_begin(im->writer, len, &im->err), 0);
	for (size_t done = 0; done < len;) {
		size_t n = im->piece != 0 ? MIN(im->piece, len - done) : len;
		assert_int_equal(sqfs_writer_file_data(im->writer, data + done, n, &im->err), 0);
		done += n;
	}
	assert_int_equal(sqfs_writer_file_end(im->writer, &id, &im->err), 0);
	return id;
}

static inline uint32_t add_file(
	struct image *im, uint32_t dir, const char *name, const uint8_t *data, size_t len)
{
	return add(im, dir, name,
		(struct tree_inode){ .type = TREE_FILE,
			.mode = 0640,
			.mtime = 5,
			.size = len,
			.data = store(im, data, len) });
}

/* Text (even seeds) or noise (odd ones); different seeds differ from the first block on. */
static inline uint8_t *content(unsigned seed, size_t len)
{
	uint8_t *p = xmalloc(len);
	uint64_t x = 88172645463325252ull + seed;
	for (size_t i = 0; i < len; i++) {
		if (i % 8 == 0 || seed % 2 != 0) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
		}
		p[i] = seed % 2 != 0 ? (uint8_t)(x >> 32) : (uint8_t)('a' + (x >> (i % 8)) % 4);
	}
	return p;
}

/* ---- reading them ---- */

struct view {
	struct sqfs_image *image;
	struct sqfs_reader *reader;
	struct error err;
};

static inline void view_open(struct view *v, const struct image *im)
{
	*v = (struct view){ 0 };
	struct sqfs_image_options options = { .offset = im->offset, .cache_bytes = 1 << 20 };
	v->image = sqfs_image_open(im->fd, "image", &options, &v->err);
	if (v->image == NULL)
		fail_msg("%s", v->err.message);
	v->reader = sqfs_reader_new(v->image, &v->err);
	assert_non_null(v->reader);
}

static inline void view_close(struct view *v)
{
	sqfs_reader_free(v->reader);
	sqfs_image_close(v->image);
}

static inline struct sqfs_inode lookup(struct view *v, const char *path)
{
	struct sqfs_inode inode;
	int r = sqfs_lookup_path(v->reader, path, &inode, &v->err);
	if (r != 1)
		fail_msg("%s: %s", path, r == 0 ? "missing" : v->err.message);
	return inode;
}

static inline void expect_file(struct view *v, const char *path, const uint8_t *data, size_t len)
{
	struct sqfs_inode inode = lookup(v, path);
	assert_int_equal(inode.type, SQFS_FILE);
	assert_int_equal(inode.size, len);
	size_t n;
	_cleanup_free_ char *read = sqfs_read_file(v->reader, &inode, len + 1, &n, &v->err);
	if (read == NULL)
		fail_msg("%s: %s", path, v->err.message);
	assert_int_equal(n, len);
	assert_memory_equal(read, data, len);
}

static const char *const lines[] = {
	"-comp gzip",
	"-comp lz4 -b 4K",
	"-comp lz4 -Xhc",
	"-comp xz -b 8K",
	"-comp zstd",
	"-comp zstd -b 1M",
	"-comp zstd -b 4K -no-fragments",
	"-comp none",
	"-noD",
	"-noD -noF -noI -noX",
	"-no-duplicates",
	"-no-fragments",
	"-processors 1",
	"-processors 9 -b 16K",
};

static const size_t sizes[] = { 0, 1, 100, 4095, 4096, 4097, 131071, 131072, 131073, 700000 };

static inline void fill_sizes(struct image *im)
{
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (unsigned seed = 0; seed < 4; seed++) {
			char name[32];
			snprintf(name, sizeof(name), "%zu-%u", sizes[i], seed);
			/* 2 is 0 once more, 3 is another noise */
			_cleanup_free_ uint8_t *data = content(seed == 2 ? 0 : seed, sizes[i]);
			add_file(im, TREE_ROOT, name, data, sizes[i]);
		}
	}
}

static inline void expect_sizes(struct view *v)
{
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (unsigned seed = 0; seed < 4; seed++) {
			char name[32];
			snprintf(name, sizeof(name), "%zu-%u", sizes[i], seed);
			_cleanup_free_ uint8_t *data = content(seed == 2 ? 0 : seed, sizes[i]);
			expect_file(v, name, data, sizes[i]);
		}
	}
}
