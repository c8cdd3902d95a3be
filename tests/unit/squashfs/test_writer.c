/* What the writer writes, read by our reader; and by unsquashfs where there is one. */
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

static void image_begin(struct image *im, const char *words)
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

static void image_finish(struct image *im)
{
	int r = sqfs_writer_finish(im->writer, im->tree, 1234, &im->bytes, &im->err);
	if (r < 0)
		fail_msg("%s", im->err.message);
	sqfs_writer_free(im->writer);
	im->writer = NULL;
}

static void image_end(struct image *im)
{
	sqfs_writer_free(im->writer);
	tree_free(im->tree);
	close(im->fd);
	error_clear(&im->err);
}

static uint32_t add(struct image *im, uint32_t dir, const char *name, struct tree_inode inode)
{
	if (inode.xattrs == 0)
		inode.xattrs = TREE_NO_XATTRS;
	return tree_add(im->tree, dir, name, strlen(name), tree_add_inode(im->tree, &inode));
}

static uint32_t add_dir(struct image *im, uint32_t dir, const char *name)
{
	return add(im, dir, name, (struct tree_inode){ .type = TREE_DIRECTORY, .mode = 0750, .mtime = 9 });
}

static uint32_t store(struct image *im, const uint8_t *data, size_t len)
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

static uint32_t add_file(struct image *im, uint32_t dir, const char *name, const uint8_t *data, size_t len)
{
	return add(im, dir, name,
		(struct tree_inode){ .type = TREE_FILE,
			.mode = 0640,
			.mtime = 5,
			.size = len,
			.data = store(im, data, len) });
}

/* Text (even seeds) or noise (odd ones); different seeds differ from the first block on. */
static uint8_t *content(unsigned seed, size_t len)
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

static void view_open(struct view *v, const struct image *im)
{
	*v = (struct view){ 0 };
	struct sqfs_image_options options = { .offset = im->offset, .cache_bytes = 1 << 20 };
	v->image = sqfs_image_open(im->fd, "image", &options, &v->err);
	if (v->image == NULL)
		fail_msg("%s", v->err.message);
	v->reader = sqfs_reader_new(v->image, &v->err);
	assert_non_null(v->reader);
}

static void view_close(struct view *v)
{
	sqfs_reader_free(v->reader);
	sqfs_image_close(v->image);
}

static struct sqfs_inode lookup(struct view *v, const char *path)
{
	struct sqfs_inode inode;
	int r = sqfs_lookup_path(v->reader, path, &inode, &v->err);
	if (r != 1)
		fail_msg("%s: %s", path, r == 0 ? "missing" : v->err.message);
	return inode;
}

static void expect_file(struct view *v, const char *path, const uint8_t *data, size_t len)
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

/* ---- the tests ---- */

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

static void fill_sizes(struct image *im)
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

static void expect_sizes(struct view *v)
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

static void all_sizes_and_compressors(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct image im = { .offset = i % 3 * 1000 };
		struct view v;
		image_begin(&im, lines[i]);
		fill_sizes(&im);
		image_finish(&im);
		struct stat st;
		assert_int_equal(fstat(im.fd, &st), 0);
		assert_int_equal(im.bytes % 4096, 0);
		assert_int_equal(st.st_size, im.offset + im.bytes);
		view_open(&v, &im);
		expect_sizes(&v);
		assert_int_equal(sqfs_image_info(v.image)->mkfs_time, 1234);
		view_close(&v);
		image_end(&im);
	}
}

static void assert_same_bytes(const struct image *a, const struct image *b)
{
	assert_int_equal(a->bytes, b->bytes);
	const void *p = mmap(NULL, a->bytes, PROT_READ, MAP_SHARED, a->fd, 0);
	const void *q = mmap(NULL, b->bytes, PROT_READ, MAP_SHARED, b->fd, 0);
	assert_true(p != MAP_FAILED && q != MAP_FAILED);
	assert_int_equal(memcmp(p, q, a->bytes), 0);
	munmap((void *)p, a->bytes);
	munmap((void *)q, b->bytes);
}

static void bytes_do_not_depend_on_threads_or_pieces(void **state)
{
	(void)state;
	struct image one = { 0 };
	image_begin(&one, "-processors 1 -b 32K");
	fill_sizes(&one);
	image_finish(&one);
	static const size_t pieces[] = { 0, 333, 4096, 100000 };
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		struct image many = { .piece = pieces[i] };
		image_begin(&many, "-processors 8 -b 32K");
		fill_sizes(&many);
		image_finish(&many);
		assert_same_bytes(&one, &many);
		image_end(&many);
	}
	image_end(&one);
}

static uint64_t size_with_copies(const char *words, unsigned copies, size_t len, bool near_misses)
{
	struct image im = { 0 };
	struct view v;
	image_begin(&im, words);
	_cleanup_free_ uint8_t *data = content(1, len);
	for (unsigned i = 0; i < copies; i++) {
		char name[16];
		snprintf(name, sizeof(name), "%u", i);
		data[len - 1] = near_misses ? (uint8_t)i : 0;
		add_file(&im, TREE_ROOT, name, data, len);
	}
	image_finish(&im);
	view_open(&v, &im);
	for (unsigned i = 0; i < copies; i++) {
		char name[16];
		snprintf(name, sizeof(name), "%u", i);
		data[len - 1] = near_misses ? (uint8_t)i : 0;
		expect_file(&v, name, data, len);
	}
	view_close(&v);
	image_end(&im);
	return im.bytes;
}

static void duplicates_are_stored_once(void **state)
{
	(void)state;
	static const char *const words[] = { "", "-noD -noF", "-no-fragments" };
	static const size_t lens[] = { 5000, 300000, 1500000 };
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(lens); k++) {
			size_t len = lens[k];
			assert_in_range(size_with_copies(words[i], 10, len, false), len, len + 8192);
			if (i != 0 || k != 0) /* there a fragment's compression finds them out */
				assert_true(size_with_copies(words[i], 10, len, true) > 10 * len);
		}
	}
	assert_true(size_with_copies("-no-duplicates", 10, 300000, false) > 10 * 300000);
	assert_true(size_with_copies("-no-duplicates -noF", 10, 5000, false) > 10 * 5000);
}

/* A hole written as zeros is the same file; both forms read back. */
static void holes(void **state)
{
	(void)state;
	static const struct {
		uint64_t hole1, data, hole2;
	} rows[] = {
		{ 100, 0, 0 },
		{ 10, 10, 10 },
		{ 4096, 1, 0 },
		{ 0, 5, 20000 },
		{ 100000, 0, 0 },
		{ 4097, 4096, 4095 },
		{ 1, 8192, 40000 },
		{ 12288, 4096, 8192 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct image im = { 0 };
		struct view v;
		uint64_t len = rows[i].hole1 + rows[i].data + rows[i].hole2;
		_cleanup_free_ uint8_t *bytes = xcalloc(1, len), *data = content(1, rows[i].data);
		if (rows[i].data != 0)
			memcpy(bytes + rows[i].hole1, data, rows[i].data);
		image_begin(&im, "-b 4K");
		struct tree_inode inode = { .type = TREE_FILE, .size = len, .data = 0 };
		assert_int_equal(sqfs_writer_file_begin(im.writer, len, &im.err), 0);
		assert_int_equal(sqfs_writer_file_hole(im.writer, rows[i].hole1, &im.err), 0);
		assert_int_equal(sqfs_writer_file_data(im.writer, data, rows[i].data, &im.err), 0);
		assert_int_equal(sqfs_writer_file_hole(im.writer, rows[i].hole2, &im.err), 0);
		assert_int_equal(sqfs_writer_file_end(im.writer, &inode.data, &im.err), 0);
		add(&im, TREE_ROOT, "hole", inode);
		add_file(&im, TREE_ROOT, "zeros", bytes, len);
		image_finish(&im);
		view_open(&v, &im);
		expect_file(&v, "hole", bytes, len);
		expect_file(&v, "zeros", bytes, len);
		struct sqfs_inode a = lookup(&v, "hole"), b = lookup(&v, "zeros");
		assert_int_equal(a.file.start, b.file.start);
		assert_int_equal(a.file.fragment_offset, b.file.fragment_offset);
		view_close(&v);
		image_end(&im);
	}
}

static void every_type(void **state)
{
	(void)state;
	struct image im = { 0 };
	struct view v;
	image_begin(&im, "-all-time 77");
	static const struct tree_xattr two[] = {
		{ "security.capability", "\1\0\0\2", 4 }, { "user.empty", "", 0 },
		{ "system.posix_acl_access", "x", 1 }, /* has no place in squashfs */
	};
	static const struct tree_xattr only_acl[] = { { "system.posix_acl_access", "x", 1 } };
	uint32_t set = tree_add_xattrs(im.tree, two, 3), none = tree_add_xattrs(im.tree, only_acl, 1);
	for (int with = 0; with < 2; with++) {
		uint32_t dir = add_dir(&im, TREE_ROOT, with ? "with" : "without");
		uint32_t x = with ? set : TREE_NO_XATTRS;
		tree_node(im.tree, dir)->xattrs = x;
		struct tree_inode inode = { .mode = 04755, .xattrs = x };
		const struct {
			const char *name;
			enum tree_type type;
			uint32_t value;
		} nodes[] = {
			{ "link", TREE_SYMLINK, tree_store_string(im.tree, "to/there", 8) },
			{ "char", TREE_CHAR_DEVICE, 0x103 },
			{ "block", TREE_BLOCK_DEVICE, 0x3e810305 },
			{ "fifo", TREE_FIFO, 0 },
			{ "socket", TREE_SOCKET, 0 },
			{ "dir", TREE_DIRECTORY, 0 },
			{ "file", TREE_FILE, store(&im, (const uint8_t *)"abc", 3) },
		};
		for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
			inode.type = (uint8_t)nodes[i].type;
			inode.rdev = nodes[i].value;
			inode.size = nodes[i].type == TREE_FILE ? 3 : 0;
			inode.xattrs = x; /* set 0 is a set, too */
			tree_add(im.tree, dir, nodes[i].name, strlen(nodes[i].name),
				tree_add_inode(im.tree, &inode));
		}
	}
	tree_node(im.tree, TREE_ROOT)->xattrs = none;
	image_finish(&im);

	view_open(&v, &im);
	static const struct {
		const char *name;
		enum sqfs_inode_type type;
	} want[] = { { "link", SQFS_SYMLINK }, { "char", SQFS_CHAR_DEVICE }, { "block", SQFS_BLOCK_DEVICE },
		{ "fifo", SQFS_FIFO }, { "socket", SQFS_SOCKET }, { "dir", SQFS_DIR },
		{ "file", SQFS_FILE } };
	for (int with = 0; with < 2; with++) {
		for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
			char path[64];
			snprintf(path, sizeof(path), "%s/%s", with ? "with" : "without", want[i].name);
			struct sqfs_inode inode = lookup(&v, path);
			assert_int_equal(inode.type, want[i].type);
			assert_int_equal(inode.mode, 04755);
			assert_int_equal(inode.mtime, 77);
			assert_int_equal(inode.uid, 0);
			assert_int_equal(inode.nlink, want[i].type == SQFS_DIR ? 2 : 1);
			struct sqfs_xattrs list = { 0 };
			assert_int_equal(sqfs_xattrs_read(v.reader, inode.xattrs, &list, &v.err), 0);
			assert_int_equal(list.count, with ? 2 : 0);
			if (with) {
				assert_string_equal(list.items[0].name, "security.capability");
				assert_int_equal(list.items[0].value_len, 4);
				assert_memory_equal(list.items[0].value, "\1\0\0\2", 4);
				assert_string_equal(list.items[1].name, "user.empty");
				assert_int_equal(list.items[1].value_len, 0);
			}
			sqfs_xattrs_cleanup(&list);
		}
	}
	struct sqfs_inode link = lookup(&v, "with/link"), block = lookup(&v, "with/block"),
			  root = lookup(&v, "");
	_cleanup_free_ char *target = sqfs_symlink(v.reader, &link, &v.err);
	assert_string_equal(target, "to/there");
	assert_int_equal(block.rdev, 0x3e810305);
	assert_int_equal(root.nlink, 4);
	assert_int_equal(root.xattrs, SQFS_NO_XATTR);
	view_close(&v);
	image_end(&im);
}

static void hard_links(void **state)
{
	(void)state;
	struct image im = { 0 };
	struct view v;
	image_begin(&im, "");
	uint32_t a = add_dir(&im, TREE_ROOT, "a"), z = add_dir(&im, TREE_ROOT, "z");
	uint32_t file = add_file(&im, z, "file", (const uint8_t *)"linked", 6);
	uint32_t inode = tree_node_inode(im.tree, file);
	tree_add(im.tree, a, "one", 3, inode);
	tree_add(im.tree, TREE_ROOT, "two", 3, inode);
	image_finish(&im);
	view_open(&v, &im);
	struct sqfs_inode one = lookup(&v, "a/one"), two = lookup(&v, "two"), three = lookup(&v, "z/file");
	assert_int_equal(one.ref, two.ref);
	assert_int_equal(one.ref, three.ref);
	assert_int_equal(one.nlink, 3);
	assert_int_equal(sqfs_image_info(v.image)->inodes, 4);
	expect_file(&v, "two", (const uint8_t *)"linked", 6);
	view_close(&v);
	image_end(&im);
}

/* More entries than a directory of the basic form holds, with an index that leads to each of them. */
static void big_directory(void **state)
{
	(void)state;
	enum { COUNT = 70000 };
	struct image im = { 0 };
	struct view v;
	image_begin(&im, "");
	uint32_t dir = add_dir(&im, TREE_ROOT, "big");
	uint32_t target = tree_store_string(im.tree, "t", 1);
	char name[300];
	for (unsigned i = 0; i < COUNT; i++) {
		int n = snprintf(name, sizeof(name), "%0*u", i % 100 == 0 ? 255 : 6, (i * 7919u) % COUNT);
		struct tree_inode inode = {
			.type = TREE_SYMLINK, .xattrs = TREE_NO_XATTRS, .target = target
		};
		tree_add(im.tree, dir, name, (size_t)n, tree_add_inode(im.tree, &inode));
	}
	image_finish(&im);
	view_open(&v, &im);
	struct sqfs_inode inode = lookup(&v, "big");
	assert_true(inode.dir.index_count > 100);
	struct sqfs_entry entry;
	char before[256] = "";
	unsigned seen = 0;
	struct sqfs_dir it;
	assert_int_equal(sqfs_dir_open(v.reader, &inode, &it, &v.err), 0);
	while (sqfs_dir_next(v.reader, &it, &entry, &v.err) == 1) {
		assert_true(strcmp(before, entry.name) < 0);
		memcpy(before, entry.name, sizeof(before));
		seen++;
	}
	assert_false(error_is_set(&v.err));
	assert_int_equal(seen, COUNT);
	for (unsigned i = 0; i < COUNT; i += 777) {
		int n = snprintf(name, sizeof(name), "%0*u", i % 100 == 0 ? 255 : 6, (i * 7919u) % COUNT);
		assert_int_equal(sqfs_dir_lookup(v.reader, &inode, name, (size_t)n, &entry, &v.err), 1);
	}
	assert_int_equal(sqfs_dir_lookup(v.reader, &inode, "zzz", 3, &entry, &v.err), 0);
	view_close(&v);
	image_end(&im);
}

static void deep_tree(void **state)
{
	(void)state;
	enum { DEPTH = 222000 };
	struct image im = { 0 };
	struct view v;
	image_begin(&im, "");
	uint32_t dir = TREE_ROOT;
	for (unsigned i = 0; i < DEPTH; i++)
		dir = add_dir(&im, dir, "d");
	add_file(&im, dir, "leaf", (const uint8_t *)"leaf", 4);
	image_finish(&im);
	view_open(&v, &im);
	struct sqfs_inode inode;
	assert_int_equal(sqfs_root(v.reader, &inode, &v.err), 0);
	for (unsigned i = 0; i < DEPTH; i++) {
		struct sqfs_entry entry;
		assert_int_equal(sqfs_dir_lookup(v.reader, &inode, "d", 1, &entry, &v.err), 1);
		uint32_t number = inode.number;
		assert_int_equal(sqfs_inode(v.reader, entry.ref, &inode, &v.err), 0);
		assert_int_equal(inode.dir.parent, number);
	}
	view_close(&v);
	image_end(&im);
}

static void empty_tree(void **state)
{
	(void)state;
	struct image im = { 0 };
	struct view v;
	image_begin(&im, "-mkfs-time 55");
	image_finish(&im);
	view_open(&v, &im);
	assert_int_equal(lookup(&v, "").nlink, 2);
	assert_int_equal(sqfs_image_info(v.image)->inodes, 1);
	assert_int_equal(sqfs_image_info(v.image)->mkfs_time, 55);
	view_close(&v);
	image_end(&im);
}

/* Data of files that were replaced take space, but no fragment entries. */
static void dead_data(void **state)
{
	(void)state;
	struct image im = { 0 };
	struct view v;
	image_begin(&im, "");
	for (unsigned i = 0; i < 10; i++) {
		_cleanup_free_ uint8_t *dead = content(2 * i + 3, 100000);
		store(&im, dead, 100000);
	}
	_cleanup_free_ uint8_t *live = content(1, 100000);
	add_file(&im, TREE_ROOT, "live", live, 100000);
	image_finish(&im);
	view_open(&v, &im);
	assert_int_equal(sqfs_image_info(v.image)->fragments, 1);
	expect_file(&v, "live", live, 100000);
	view_close(&v);
	image_end(&im);
}

static void misuse_is_an_error(void **state)
{
	(void)state;
	static const uint8_t data[200000];
	static const size_t announced[] = { 100, 150000 };
	uint32_t id;
	for (size_t i = 0; i < ARRAY_SIZE(announced); i++) {
		struct image im = { 0 };
		image_begin(&im, ""); /* too long */
		assert_int_equal(sqfs_writer_file_begin(im.writer, announced[i], &im.err), 0);
		assert_int_equal(sqfs_writer_file_data(im.writer, data, announced[i] + 1, &im.err), -1);
		image_end(&im);
		image_begin(&im, ""); /* too short */
		assert_int_equal(sqfs_writer_file_begin(im.writer, announced[i], &im.err), 0);
		assert_int_equal(sqfs_writer_file_data(im.writer, data, announced[i] - 1, &im.err), 0);
		assert_int_equal(sqfs_writer_file_end(im.writer, &id, &im.err), -1);
		image_end(&im);
		image_begin(&im, ""); /* a tree that says something else */
		add_file(&im, TREE_ROOT, "f", data, announced[i]);
		tree_node(im.tree, tree_lookup(im.tree, TREE_ROOT, "f", 1))->size++;
		assert_int_equal(sqfs_writer_finish(im.writer, im.tree, 0, NULL, &im.err), -1);
		assert_non_null(strstr(im.err.message, "the data of f are missing"));
		image_end(&im);
	}
	struct image im = { 0 };
	image_begin(&im, ""); /* data that never came */
	add(&im, TREE_ROOT, "f", (struct tree_inode){ .type = TREE_FILE, .size = 5, .data = TREE_NO_DATA });
	assert_int_equal(sqfs_writer_finish(im.writer, im.tree, 0, NULL, &im.err), -1);
	image_end(&im);
	image_begin(&im, "-b 4K"); /* a hole beyond all measure */
	assert_int_equal(sqfs_writer_file_begin(im.writer, 1ull << 62, &im.err), 0);
	assert_int_equal(sqfs_writer_file_hole(im.writer, 1ull << 62, &im.err), -1);
	assert_int_equal(im.err.code, EFBIG);
	image_end(&im);
}

/* A full disk is one clear error, soon, and nothing hangs: in the data phase, and in the tables. */
static void full_disk(void **state)
{
	(void)state;
	for (int with_data = 0; with_data < 2; with_data++) {
		struct image im = { 0 };
		image_begin(&im, "-noD -b 32K");
		sqfs_writer_free(im.writer);
		close(im.fd);
		im.fd = open("/dev/full", O_RDWR | O_CLOEXEC);
		assert_true(im.fd >= 0);
		im.writer = sqfs_writer_new(im.fd, 0, &im.options, &im.err);
		_cleanup_free_ uint8_t *data = content(1, 40000);
		int r = 0;
		for (unsigned i = 0; with_data && r == 0 && i < 10000; i++) {
			data[0] = (uint8_t)i;
			r = sqfs_writer_file_begin(im.writer, 40000, &im.err);
			if (r == 0)
				r = sqfs_writer_file_data(im.writer, data, 40000, &im.err);
			uint32_t id;
			if (r == 0)
				r = sqfs_writer_file_end(im.writer, &id, &im.err);
		}
		if (with_data)
			assert_int_equal(r, -1);
		else
			assert_int_equal(sqfs_writer_finish(im.writer, im.tree, 0, NULL, &im.err), -1);
		assert_int_equal(im.err.code, ENOSPC);
		assert_string_equal(im.err.message, "cannot write the image: No space left on device");
		image_end(&im);
	}
}

static void abandoned_half_way(void **state)
{
	(void)state;
	_cleanup_free_ uint8_t *data = content(0, 3000000);
	for (int i = 0; i < 20; i++) {
		struct image im = { 0 };
		image_begin(&im, "-b 8K -processors 4");
		if (i > 0) {
			assert_int_equal(sqfs_writer_file_begin(im.writer, 3000000, &im.err), 0);
			assert_int_equal(
				sqfs_writer_file_data(im.writer, data, (size_t)i * 150000 - 77, &im.err), 0);
		}
		image_end(&im);
	}
}

static void unsquashfs_agrees(void **state)
{
	(void)state;
	if (system("command -v unsquashfs >/dev/null") != 0)
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct image im = { 0 };
		image_begin(&im, lines[i]);
		fill_sizes(&im);
		add_dir(&im, add_dir(&im, TREE_ROOT, "dir"), "empty");
		image_finish(&im);
		for (size_t k = 0; k < ARRAY_SIZE(sizes); k++) {
			_cleanup_free_ uint8_t *want = content(1, sizes[k]);
			_cleanup_free_ char *command = xasprintf(
				"unsquashfs -cat /proc/%d/fd/%d %zu-1", (int)getpid(), im.fd, sizes[k]);
			_cleanup_free_ uint8_t *got = xmalloc(sizes[k] + 1);
			FILE *f = popen(command, "re");
			assert_non_null(f);
			size_t n = fread(got, 1, sizes[k] + 1, f);
			assert_int_equal(pclose(f), 0);
			assert_int_equal(n, sizes[k]);
			assert_memory_equal(got, want, n);
		}
		image_end(&im);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_sizes_and_compressors),
		cmocka_unit_test(bytes_do_not_depend_on_threads_or_pieces),
		cmocka_unit_test(duplicates_are_stored_once),
		cmocka_unit_test(holes),
		cmocka_unit_test(every_type),
		cmocka_unit_test(hard_links),
		cmocka_unit_test(big_directory),
		cmocka_unit_test(deep_tree),
		cmocka_unit_test(empty_tree),
		cmocka_unit_test(dead_data),
		cmocka_unit_test(misuse_is_an_error),
		cmocka_unit_test(full_disk),
		cmocka_unit_test(abandoned_half_way),
		cmocka_unit_test(unsquashfs_agrees),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
