#include "../unit.h"

#include <errno.h>
#include <stdio.h>

#include "forge.h"
#include "rootfs/extract.h"
#include "rootfs/remove.h"
#include "scratch.h"

/* ---- helpers ---- */

/* Extract IMAGE into the new directory TARGET. */
static int extract_fd(
	int fd, const char *target, unsigned threads, struct extract_report *report, struct error *err)
{
	const struct sqfs_image_options how = { .cache_bytes = extract_cache_bytes(threads) };
	const struct extract_options options = { .threads = threads };
	struct sqfs_image *image = sqfs_image_open(fd, "IMAGE", &how, err);
	if (image == NULL)
		return -1;
	int r = -1;
	_cleanup_close_ int dir = -1;
	if (mkdir(target, 0700) == 0)
		dir = open_dir(target);
	if (dir >= 0)
		r = extract_image(image, dir, &options, report, err);
	sqfs_image_close(image);
	return r;
}

static int extract(const struct buffer *image, const char *target, unsigned threads, struct error *err)
{
	_cleanup_close_ int fd = memfd_create("image", MFD_CLOEXEC);
	struct extract_report report;
	if (fd < 0 || fd_write_full(fd, image->data, image->len) < 0)
		return -1;
	return extract_fd(fd, target, threads, &report, err);
}

static void clear(const char *name)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	if (remove_tree(AT_FDCWD, name, name, false, &err) < 0)
		fail_msg("%s", err.message);
}

static mode_t mode_of(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0 ? st.st_mode : 0;
}

/* ---- whole images, by mksquashfs ---- */

static void check_seed(const char *name, unsigned threads)
{
	_cleanup_free_ char *path = xasprintf("%s/fuzz/squashfs_reader/%s", TEST_DATA, name);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_error_ struct error err = ERROR_INIT;
	struct extract_report report;
	if (extract_fd(fd, "t", threads, &report, &err) < 0)
		fail_msg("%s: %s", name, err.message);
	struct stat a, b, st;
	assert_int_equal(stat("t/a", &a), 0);
	assert_int_equal(stat("t/b", &b), 0);
	assert_true(a.st_ino == b.st_ino && a.st_nlink == 2 && a.st_size == 6 && a.st_mtime == 1000000);
	char target[8] = "";
	assert_int_equal(readlink("t/l", target, sizeof(target) - 1), 1);
	assert_string_equal(target, "a");
	assert_int_equal(lstat("t/l", &st), 0);
	assert_int_equal(st.st_mtime, 1000000);
	assert_int_equal(stat("t/d/sparse", &st), 0);
	assert_true(st.st_size == 20001 && st.st_blocks * 512 < 20001);
	assert_true(S_ISFIFO(mode_of("t/p")));
	static const char *const dirs[] = { "t", "t/d", "t/d/e" };
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		assert_int_equal(stat(dirs[i], &st), 0);
		assert_int_equal(st.st_mtime, 1000000);
		assert_int_equal(st.st_mode, S_IFDIR | 0755);
	}
	assert_int_equal(report.sockets, 1);
	assert_int_equal(report.devices, geteuid() == 0 ? 0 : 1);
	assert_int_equal(access("t/sock", F_OK), -1);
	clear("t");
}

static void images_of_mksquashfs(void **state)
{
	(void)state;
	static const char *const names[] = { "plain", "gzip", "lzma", "lzo", "xz", "lz4", "zstd" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		check_seed(names[i], 1);
		check_seed(names[i], 4);
	}
}

/* ---- modes ---- */

static const struct {
	const char *name;
	uint16_t mode, repaired;
} modes[] = {
	{ "0000", 0000, 0400 },
	{ "0111", 0111, 0511 },
	{ "4111", 04111, 0511 },
	{ "6755", 06755, 0755 },
	{ "0222", 0222, 0622 },
	{ "0640", 0640, 0640 },
	{ "1644", 01644, 01644 },
};
static const struct {
	const char *name;
	uint16_t mode, repaired;
} dir_modes[] = {
	{ "d000", 0000, 0700 },
	{ "d555", 0555, 0755 },
	{ "d2775", 02775, 0775 },
	{ "d1777", 01777, 01777 },
};

static void forge_modes(struct buffer *image)
{
	struct forge f = { 0 };
	struct forge_entry entries[ARRAY_SIZE(modes) + ARRAY_SIZE(dir_modes) + 1] = { 0 };
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		entries[n++] = (struct forge_entry){ modes[i].name, forge_file(&f, modes[i].mode, 1, "text"),
			SQFS_FILE };
	for (size_t i = 0; i < ARRAY_SIZE(dir_modes); i++) {
		const struct forge_entry inner[] = { { "inner", forge_file(&f, 0644, 1, "x"), SQFS_FILE },
			{ 0 } };
		entries[n++] = (struct forge_entry){ dir_modes[i].name,
			forge_dir(&f, dir_modes[i].mode, inner), SQFS_DIR };
	}
	forge_finish(&f, forge_dir(&f, 0555, entries), image);
}

/* Returns the row that is wrong, from 1. */
static int check_modes(bool repaired)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_buffer_ struct buffer image = BUFFER_INIT;
	forge_modes(&image);
	if (extract(&image, "m", 2, &err) < 0) {
		print_error("%s\n", err.message);
		return 90;
	}
	if ((mode_of("m") & 07777) != (repaired ? 0755 : 0555))
		return 91;
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		_cleanup_free_ char *path = xasprintf("m/%s", modes[i].name);
		if ((mode_of(path) & 07777) != (repaired ? modes[i].repaired : modes[i].mode))
			return (int)i + 1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(dir_modes); i++) {
		_cleanup_free_ char *path = xasprintf("m/%s", dir_modes[i].name);
		if ((mode_of(path) & 07777) != (repaired ? dir_modes[i].repaired : dir_modes[i].mode))
			return (int)i + 50;
	}
	return 0;
}

static int check_repaired(void)
{
	int r = check_modes(true);
	clear("m");
	return r;
}

static void modes_are_repaired_for_users(void **state)
{
	(void)state;
	assert_int_equal(as_ordinary_user(check_repaired), 0);
}

static void modes_are_kept_for_root(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(check_modes(false), 0);
	clear("m");
}

/* ---- hostile images ---- */

#define NO_FRAGMENT SQFS_NO_FRAGMENT

static uint32_t root_of(struct forge *f, const char *name, uint32_t inode, uint16_t type)
{
	const struct forge_entry entries[] = { { name, inode, type }, { 0 } };
	return forge_dir(f, 0755, entries);
}

static uint32_t twice(
	struct forge *f, const char *name, uint32_t a, uint16_t a_type, uint32_t b, uint16_t b_type)
{
	const struct forge_entry entries[] = { { name, a, a_type }, { name, b, b_type }, { 0 } };
	return forge_dir(f, 0755, entries);
}

/* Each builds an image and returns its root. */
static uint32_t name_dotdot(struct forge *f)
{
	return root_of(f, "..", forge_file(f, 0644, 1, "x"), SQFS_FILE);
}
static uint32_t name_dot(struct forge *f)
{
	return root_of(f, ".", forge_file(f, 0644, 1, "x"), SQFS_FILE);
}
static uint32_t name_slash(struct forge *f)
{
	return root_of(f, "../evil", forge_file(f, 0644, 1, "x"), SQFS_FILE);
}
static uint32_t name_absolute(struct forge *f)
{
	return root_of(f, "/evil", forge_file(f, 0644, 1, "x"), SQFS_FILE);
}
static uint32_t two_files(struct forge *f) /* CVE-2021-41072 */
{
	return twice(f, "x", forge_symlink(f, "../outside"), SQFS_SYMLINK, forge_file(f, 0644, 1, "evil"),
		SQFS_FILE);
}
static uint32_t link_and_directory(struct forge *f)
{
	const struct forge_entry inner[] = { { "evil", forge_file(f, 0644, 1, "evil"), SQFS_FILE }, { 0 } };
	uint32_t dir = forge_dir(f, 0755, inner);
	return twice(f, "x", forge_symlink(f, ".."), SQFS_SYMLINK, dir, SQFS_DIR);
}
static uint32_t directory_and_link(struct forge *f)
{
	const struct forge_entry inner[] = { { "evil", forge_file(f, 0644, 1, "evil"), SQFS_FILE }, { 0 } };
	uint32_t dir = forge_dir(f, 0755, inner);
	return twice(f, "x", dir, SQFS_DIR, forge_symlink(f, ".."), SQFS_SYMLINK);
}
static uint32_t two_links(struct forge *f)
{
	uint32_t file = forge_file(f, 0644, 2, "x");
	return twice(f, "x", file, SQFS_FILE, file, SQFS_FILE);
}
static uint32_t loop(struct forge *f)
{
	/* The root's own inode comes right behind this table: 32 bytes of header and entry later. */
	uint32_t self = (uint32_t)f->inodes.len;
	return root_of(f, "x", self, SQFS_DIR);
}
static uint32_t same_directory_twice(struct forge *f)
{
	const struct forge_entry none[] = { { 0 } };
	uint32_t dir = forge_dir(f, 0755, none);
	const struct forge_entry entries[] = { { "a", dir, SQFS_DIR }, { "b", dir, SQFS_DIR }, { 0 } };
	return forge_dir(f, 0755, entries);
}
static uint32_t wrong_type(struct forge *f)
{
	return root_of(f, "x", forge_symlink(f, "/"), SQFS_DIR);
}
static uint32_t wrong_type_file(struct forge *f)
{
	const struct forge_entry none[] = { { 0 } };
	return root_of(f, "x", forge_dir(f, 0755, none), SQFS_FILE);
}
static uint32_t one_file_many_times(struct forge *f)
{
	uint32_t file = forge_file(f, 0644, 1, "x");
	static const char *const names[] = { "a", "b", "c", "d", "e", "f" };
	struct forge_entry entries[ARRAY_SIZE(names) + 1] = { 0 };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		entries[i] = (struct forge_entry){ names[i], file, SQFS_FILE };
	return forge_dir(f, 0755, entries);
}
static uint32_t endless_file(struct forge *f)
{
	return root_of(f, "x", forge_odd_file(f, UINT64_MAX, 96, NO_FRAGMENT, 0, 0), SQFS_FILE);
}
static uint32_t longest_file(struct forge *f)
{
	return root_of(f, "x", forge_odd_file(f, INT64_MAX, 96, NO_FRAGMENT, 0, 0), SQFS_FILE);
}
static uint32_t data_outside(struct forge *f)
{
	return root_of(f, "x",
		forge_odd_file(f, 4096, UINT64_MAX - 100, NO_FRAGMENT, 0, 4096 | SQFS_BLOCK_STORED),
		SQFS_FILE);
}
static uint32_t data_beyond_the_end(struct forge *f)
{
	return root_of(f, "x", forge_odd_file(f, 100000, 100, NO_FRAGMENT, 0, 100000 | SQFS_BLOCK_STORED),
		SQFS_FILE);
}
static uint32_t short_block(struct forge *f)
{
	return root_of(f, "x", forge_odd_file(f, 100, 96, NO_FRAGMENT, 0, 20 | SQFS_BLOCK_STORED), SQFS_FILE);
}
static uint32_t giant_block(struct forge *f)
{
	return root_of(f, "x", forge_odd_file(f, 100, 96, NO_FRAGMENT, 0, 0xffffffff), SQFS_FILE);
}
static uint32_t no_such_fragment(struct forge *f)
{
	return root_of(f, "x", forge_odd_file(f, 100, 96, 7, 0, 0), SQFS_FILE);
}
static uint32_t fragment_outside(struct forge *f)
{
	const struct sqfs_fragment fragment = { .start = UINT64_MAX - 5, .size = 100 | SQFS_BLOCK_STORED };
	forge_put(&f->fragments, &fragment, sizeof(fragment));
	return root_of(f, "x", forge_odd_file(f, 100, 96, 0, 0, 0), SQFS_FILE);
}
static uint32_t beyond_the_fragment(struct forge *f)
{
	const struct sqfs_fragment fragment = { .start = 20, .size = 50 | SQFS_BLOCK_STORED };
	forge_put(&f->fragments, &fragment, sizeof(fragment));
	return root_of(f, "x", forge_odd_file(f, 100, 96, 0, 0xfffffff0, 0), SQFS_FILE);
}
static uint32_t beyond_the_fragment_data(struct forge *f)
{
	const struct sqfs_fragment fragment = { .start = 20, .size = 50 | SQFS_BLOCK_STORED };
	forge_put(&f->fragments, &fragment, sizeof(fragment));
	return root_of(f, "x", forge_odd_file(f, 100, 96, 0, 40, 0), SQFS_FILE);
}

static const struct {
	const char *what;
	uint32_t (*build)(struct forge *f);
	int code;
} hostile[] = {
	{ "name ..", name_dotdot, EUCLEAN },
	{ "name .", name_dot, EUCLEAN },
	{ "name with a slash", name_slash, EUCLEAN },
	{ "absolute name", name_absolute, EUCLEAN },
	{ "a symlink and a file of one name", two_files, EUCLEAN },
	{ "a symlink and a directory of one name", link_and_directory, EUCLEAN },
	{ "a directory and a symlink of one name", directory_and_link, EUCLEAN },
	{ "one hard link twice", two_links, EUCLEAN },
	{ "a directory in itself", loop, EUCLEAN },
	{ "a directory at two places", same_directory_twice, EUCLEAN },
	{ "a symlink that calls itself a directory", wrong_type, EUCLEAN },
	{ "a directory that calls itself a file", wrong_type_file, EUCLEAN },
	{ "more entries than inodes", one_file_many_times, EUCLEAN },
	{ "a file of 2^64 - 1 bytes", endless_file, EUCLEAN },
	{ "a file of 2^63 - 1 bytes", longest_file, EUCLEAN },
	{ "data near 2^64", data_outside, EUCLEAN },
	{ "data beyond the end", data_beyond_the_end, EUCLEAN },
	{ "a block shorter than its file", short_block, EUCLEAN },
	{ "a giant block", giant_block, EUCLEAN },
	{ "no such fragment", no_such_fragment, EUCLEAN },
	{ "a fragment outside", fragment_outside, EUCLEAN },
	{ "a file beyond its fragment", beyond_the_fragment, EUCLEAN },
	{ "a file beyond its fragment's data", beyond_the_fragment_data, EUCLEAN },
};

static void hostile_images_fail_and_stay_inside(void **state)
{
	(void)state;
	put_file("outside", "untouched", 0644);
	for (size_t i = 0; i < 2 * ARRAY_SIZE(hostile); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_buffer_ struct buffer image = BUFFER_INIT;
		struct forge f = { 0 };
		forge_finish(&f, hostile[i / 2].build(&f), &image);
		int r = extract(&image, "t", i % 2 == 0 ? 1 : 4, &err);
		if (r == 0 || err.code != hostile[i / 2].code)
			print_error("%s: %d, %s\n", hostile[i / 2].what, r, err.message);
		assert_int_equal(r, -1);
		assert_int_equal(err.code, hostile[i / 2].code);
		if (access("t", F_OK) == 0)
			clear("t");
		assert_int_equal(access("evil", F_OK), -1);
	}
	_cleanup_close_ int fd = open("outside", O_RDONLY | O_CLOEXEC);
	char text[16] = "";
	assert_int_equal(read(fd, text, sizeof(text) - 1), 9);
	assert_string_equal(text, "untouched");
}

static void special_files(void **state)
{
	(void)state;
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_buffer_ struct buffer image = BUFFER_INIT;
	struct forge f = { 0 };
	const struct forge_entry entries[] = { { "null", forge_device(&f, SQFS_CHAR_DEVICE, 0x103),
						       SQFS_CHAR_DEVICE },
		{ "fifo", forge_ipc(&f, SQFS_FIFO), SQFS_FIFO },
		{ "sock", forge_ipc(&f, SQFS_SOCKET), SQFS_SOCKET },
		{ "hole", forge_odd_file(&f, 131072, 96, NO_FRAGMENT, 0, 0), SQFS_FILE },
		{ "empty", forge_file(&f, 0644, 1, ""), SQFS_FILE }, { 0 } };
	forge_finish(&f, forge_dir(&f, 0755, entries), &image);
	if (extract(&image, "t", 1, &err) < 0)
		fail_msg("%s", err.message);
	struct stat st;
	assert_int_equal(mode_of("t/fifo"), S_IFIFO | 0640);
	assert_int_equal(mode_of("t/sock"), 0);
	if (geteuid() == 0) {
		assert_int_equal(lstat("t/null", &st), 0);
		assert_true(S_ISCHR(st.st_mode) && st.st_rdev == 0x103);
	}
	assert_int_equal(stat("t/hole", &st), 0);
	assert_true(st.st_size == 131072 && st.st_blocks == 0);
	assert_int_equal(stat("t/empty", &st), 0);
	assert_int_equal(st.st_size, 0);
	clear("t");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(images_of_mksquashfs),
		cmocka_unit_test(modes_are_repaired_for_users),
		cmocka_unit_test(modes_are_kept_for_root),
		cmocka_unit_test(hostile_images_fail_and_stay_inside),
		cmocka_unit_test(special_files),
	};
	return cmocka_run_group_tests(tests, enter_scratch, leave_scratch);
}
