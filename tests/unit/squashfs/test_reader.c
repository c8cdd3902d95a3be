/* The images are tests/data/fuzz/squashfs_reader: one small tree, packed by mksquashfs in several ways. */
#include "../unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "walk.h"

#define LIMITS .max_entries = 2000, .max_bytes = 16 * 1024 * 1024

struct bytes {
	char *data;
	size_t len;
};

static struct bytes load(const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/fuzz/squashfs_reader/%s", TEST_DATA, name);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct bytes b = { 0 };
	assert_int_equal(fd_read_all(fd, 1 << 20, &b.data, &b.len), 0);
	return b;
}

static int to_memory(const void *data, size_t len, uint64_t offset)
{
	int fd = memfd_create("image", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fd_pwrite_full(fd, data, len, offset), 0);
	return fd;
}

/* Everything that can be read, as one number; 0 with ERR. */
static uint64_t hash_image(int fd, const struct sqfs_image_options *options, struct error *err)
{
	struct sqfs_image *image = sqfs_image_open(fd, "IMAGE", options, err);
	if (image == NULL)
		return 0;
	struct walk_totals totals = { LIMITS };
	int r = walk_image(image, &totals, err);
	sqfs_image_close(image);
	return r == 0 ? totals.hash : 0;
}

static uint64_t hash_of(const char *name)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct bytes b = load(name);
	_cleanup_close_ int fd = to_memory(b.data, b.len, 0);
	free(b.data);
	uint64_t hash = hash_image(fd, NULL, &err);
	if (hash == 0)
		print_error("%s: %s\n", name, err.message);
	return hash;
}

static void every_compressor_reads_the_same(void **state)
{
	(void)state;
	static const char *const names[] = { "gzip", "lzma", "lzo", "xz", "lz4", "zstd" };
	uint64_t want = hash_of("plain");
	assert_true(want != 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_true(hash_of(names[i]) == want);
}

static void an_image_may_begin_anywhere(void **state)
{
	(void)state;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct bytes b = load("zstd");
	_cleanup_close_ int fd = to_memory(b.data, b.len, 12345);
	free(b.data);
	const struct sqfs_image_options options = { .offset = 12345, .cache_bytes = 1 << 20 };
	assert_true(hash_image(fd, &options, &err) == hash_of("plain"));
	assert_true(hash_image(fd, NULL, &err) == 0);
	assert_int_equal(err.code, ENOEXEC);
	assert_string_equal(err.message, "Invalid image format: IMAGE");
}

struct walker {
	struct sqfs_image *image;
	uint64_t hash;
	pthread_t thread;
};

static void *walker_main(void *arg)
{
	struct walker *w = arg;
	_cleanup_error_ struct error err = ERROR_INIT;
	for (int i = 0; i < 20; i++) {
		struct walk_totals totals = { LIMITS };
		if (walk_image(w->image, &totals, &err) < 0)
			return NULL;
		w->hash = totals.hash;
	}
	return NULL;
}

static void threads_share_an_image(void **state)
{
	(void)state;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct bytes b = load("gzip");
	_cleanup_close_ int fd = to_memory(b.data, b.len, 0);
	free(b.data);
	const struct sqfs_image_options options = { .cache_bytes = 1 }; /* as few slots as there can be */
	struct sqfs_image *image = sqfs_image_open(fd, "IMAGE", &options, &err);
	assert_non_null(image);
	struct walker walkers[6] = { 0 };
	for (size_t i = 0; i < ARRAY_SIZE(walkers); i++) {
		walkers[i].image = image;
		assert_int_equal(pthread_create(&walkers[i].thread, NULL, walker_main, &walkers[i]), 0);
	}
	uint64_t want = hash_of("plain");
	for (size_t i = 0; i < ARRAY_SIZE(walkers); i++) {
		pthread_join(walkers[i].thread, NULL);
		assert_true(walkers[i].hash == want);
	}
	sqfs_image_close(image);
}

static void single_files_are_found(void **state)
{
	(void)state;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct bytes b = load("plain");
	_cleanup_close_ int fd = to_memory(b.data, b.len, 0);
	free(b.data);
	struct sqfs_image *image = sqfs_image_open(fd, "IMAGE", NULL, &err);
	struct sqfs_reader *r = sqfs_reader_new(image, &err);
	struct sqfs_inode inode, other;
	size_t len;

	assert_int_equal(sqfs_lookup_path(r, "/a", &inode, &err), 1);
	assert_int_equal(inode.nlink, 2);
	assert_int_equal(inode.mtime, 1000000);
	_cleanup_free_ char *text = sqfs_read_file(r, &inode, 100, &len, &err);
	assert_string_equal(text, "hello\n");
	assert_null(sqfs_read_file(r, &inode, 5, &len, &err));
	assert_int_equal(err.code, EFBIG);
	assert_int_equal(sqfs_lookup_path(r, "b", &other, &err), 1);
	assert_true(other.ref == inode.ref);

	assert_int_equal(sqfs_lookup_path(r, "l", &inode, &err), 1);
	_cleanup_free_ char *target = sqfs_symlink(r, &inode, &err);
	assert_string_equal(target, "a");

	assert_int_equal(sqfs_lookup_path(r, "d/e/f2", &inode, &err), 1);
	assert_int_equal(sqfs_lookup_path(r, "d/e/f4", &inode, &err), 0);
	assert_int_equal(sqfs_lookup_path(r, "a/b", &inode, &err), 0);

	assert_int_equal(sqfs_lookup_path(r, "d/sparse", &inode, &err), 1);
	assert_int_equal(inode.size, 20001);
	_cleanup_free_ char *sparse = sqfs_read_file(r, &inode, 1 << 20, &len, &err);
	for (size_t i = 0; i < 20000; i++)
		assert_int_equal(sparse[i], 0);
	assert_int_equal(sparse[20000], 'x');

	assert_int_equal(sqfs_lookup_path(r, "d", &inode, &err), 1);
	struct sqfs_xattrs list;
	assert_int_equal(sqfs_xattrs_read(r, inode.xattrs, &list, &err), 0);
	assert_int_equal(list.count, 1);
	assert_string_equal(list.items[0].name, "user.big");
	assert_int_equal(list.items[0].value_len, 300);
	sqfs_xattrs_cleanup(&list);
	sqfs_reader_free(r);
	sqfs_image_close(image);
}

/* Every byte of the file changed in turn: an error or an answer, within bounds, never anything else. */
static void damage_is_noticed_or_harmless(void **state)
{
	(void)state;
	static const char *const names[] = { "plain", "gzip", "zstd", "lzo" };
	static const uint8_t masks[] = { 0x01, 0x80, 0xff };
	unsigned refused = 0;
	for (size_t n = 0; n < ARRAY_SIZE(names); n++) {
		struct bytes b = load(names[n]);
		_cleanup_close_ int fd = to_memory(b.data, b.len, 0);
		for (size_t i = 0; i < b.len; i++) {
			_cleanup_error_ struct error err = ERROR_INIT;
			char byte = (char)(b.data[i] ^ masks[i % ARRAY_SIZE(masks)]);
			assert_int_equal(fd_pwrite_full(fd, &byte, 1, i), 0);
			if (hash_image(fd, NULL, &err) == 0) {
				assert_true(error_is_set(&err));
				refused++;
			}
			assert_int_equal(fd_pwrite_full(fd, &b.data[i], 1, i), 0);
		}
		free(b.data);
	}
	assert_true(refused > 1000);
}

static void a_cut_image_is_refused(void **state)
{
	(void)state;
	struct bytes b = load("gzip");
	for (size_t len = 0; len < b.len; len += 1 + len / 16) {
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_close_ int fd = to_memory(b.data, len, 0);
		assert_true(hash_image(fd, NULL, &err) == 0);
		assert_string_equal(err.message, "Invalid image format: IMAGE");
		assert_non_null(err.hint);
	}
	free(b.data);
}

/* Numbers near the ends of their ranges at every place of the superblock. */
static void extreme_superblocks(void **state)
{
	(void)state;
	static const uint64_t values[] = { 0, 1, 95, 96, 0x7fffffff, 0xffffffff, INT64_MAX, UINT64_MAX - 1,
		UINT64_MAX };
	struct bytes b = load("plain");
	for (size_t at = 4; at + 8 <= SQFS_SUPERBLOCK_SIZE; at += 4) {
		for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
			for (size_t width = 4; width <= 8; width += 4) {
				_cleanup_error_ struct error err = ERROR_INIT;
				_cleanup_close_ int fd = to_memory(b.data, b.len, 0);
				assert_int_equal(fd_pwrite_full(fd, &values[v], width, at), 0);
				if (hash_image(fd, NULL, &err) == 0)
					assert_true(error_is_set(&err));
			}
		}
	}
	free(b.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_compressor_reads_the_same),
		cmocka_unit_test(an_image_may_begin_anywhere),
		cmocka_unit_test(threads_share_an_image),
		cmocka_unit_test(single_files_are_found),
		cmocka_unit_test(damage_is_noticed_or_harmless),
		cmocka_unit_test(a_cut_image_is_refused),
		cmocka_unit_test(extreme_superblocks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
