/* What the writer does with data: sizes, compressors, pieces, duplicates, holes. */
#include "images.h"

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
		cmocka_unit_test(dead_data),
		cmocka_unit_test(unsquashfs_agrees),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
