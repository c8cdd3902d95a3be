/* When the writer fails: misuse, a full disk, an image that is given up. */
#include "images.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(misuse_is_an_error),
		cmocka_unit_test(full_disk),
		cmocka_unit_test(abandoned_half_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
