/* A directory is scanned, written, and read again. */
#include "../unit.h"

#include <errno.h>
#include <stdio.h>
#include <sys/xattr.h>

#include "rootfs/extract.h"
#include "rootfs/remove.h"
#include "rootfs/scan.h"
#include "scratch.h"

static void put_large(const char *path, size_t size, char fill)
{
	_cleanup_free_ char *data = xmalloc(size);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	for (size_t i = 0; i < size; i++)
		data[i] = (char)(fill + i / 4096 + i % 7);
	assert_int_equal(fd_write_full(fd, data, size), 0);
}

static void put_sparse(const char *path)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	assert_int_equal(fd_pwrite_full(fd, "begin", 5, 0), 0);
	assert_int_equal(fd_pwrite_full(fd, "middle", 6, 3 * 1024 * 1024 + 5), 0);
	assert_int_equal(ftruncate(fd, 8 * 1024 * 1024 + 77), 0);
}

static bool has_xattrs;

static int make_tree(void **state)
{
	if (enter_scratch(state) < 0)
		return -1;
	static const char *const dirs[] = { "c", "c/dev", "c/dev/pts", "c/.enroot", "c/usr", "c/usr/dev",
		"c/usr/.enroot", "c/target", "c/target/inner", "c/empty" };
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		mkdir(dirs[i], 0755);
	put_file("c/dev/null", "", 0644);
	put_file("c/.lock", "", 0644);
	put_file("c/.enroot/x", "x", 0644);
	put_file("c/usr/.lock", "kept: not at the top", 0644);
	put_file("c/usr/dev/kept", "kept", 0600);
	put_file("c/target/inner/x", "x", 0644);
	put_file("c/mountfile", "", 0);
	put_file("c/locked", "not empty", 0);
	put_file("c/setuid", "x", 04755);
	put_large("c/large", 3 * 1024 * 1024 + 5, 'a');
	put_large("c/usr/medium", 200 * 1024, 'b');
	put_sparse("c/usr/sparse");
	has_xattrs = setxattr("c/setuid", "user.kept", "value", 5, 0) == 0;
	if (has_xattrs)
		setxattr("c/usr", "user.dir", "d", 1, 0);
	if (link("c/setuid", "c/usr/hard") < 0 || symlink("../etc/passwd", "c/link") < 0 ||
		mkfifo("c/fifo", 0600) < 0)
		return -1;
	return chmod("c/target", 0);
}

static int scan_to(int fd, struct scan_report *report, struct error *err)
{
	_cleanup_close_ int dir = open_dir("c");
	const struct sqfs_options options = SQFS_OPTIONS_DEFAULT;
	struct sqfs_writer *w = sqfs_writer_new(fd, 0, &options, err);
	struct tree *tree = w != NULL ? scan_rootfs(dir, "c", w, NULL, report, err) : NULL;
	int r = tree != NULL ? sqfs_writer_finish(w, tree, 0, NULL, err) : -1;
	if (tree != NULL)
		tree_free(tree);
	sqfs_writer_free(w);
	return r;
}

static int scan_and_extract(const char *target, struct error *err)
{
	_cleanup_close_ int fd = memfd_create("image", MFD_CLOEXEC);
	struct scan_report left_out;
	struct extract_report skipped;
	const struct extract_options options = { 0 };
	if (scan_to(fd, &left_out, err) < 0 || mkdir(target, 0700) < 0)
		return -1;
	_cleanup_close_ int dir = open_dir(target);
	struct sqfs_image *image = sqfs_image_open(fd, "IMAGE", NULL, err);
	int r = image != NULL ? extract_image(image, dir, &options, &skipped, err) : -1;
	sqfs_image_close(image);
	return r;
}

static void the_tree_comes_back(void **state)
{
	(void)state;
	_cleanup_error_ struct error err = ERROR_INIT;
	if (scan_and_extract("out", &err) < 0)
		fail_msg("%s", err.message);
	static const char *const gone[] = { "out/dev/null", "out/dev/pts", "out/.lock", "out/.enroot",
		"out/target", "out/mountfile" };
	for (size_t i = 0; i < ARRAY_SIZE(gone); i++)
		assert_int_equal(faccessat(AT_FDCWD, gone[i], F_OK, AT_SYMLINK_NOFOLLOW), -1);
	static const char *const same[] = { "large", "locked", "usr/medium", "usr/sparse", "usr/.lock",
		"usr/dev/kept", "setuid" };
	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		_cleanup_free_ char *command = xasprintf("cmp c/%s out/%s", same[i], same[i]);
		if (geteuid() == 0 || strcmp(same[i], "locked") != 0)
			assert_int_equal(system(command), 0);
	}
	struct stat a, b;
	assert_int_equal(stat("out/setuid", &a), 0);
	assert_int_equal(stat("out/usr/hard", &b), 0);
	assert_true(a.st_ino == b.st_ino && a.st_nlink == 2);
	assert_int_equal(stat("c/setuid", &b), 0);
	assert_true(a.st_mtime == b.st_mtime);
	assert_int_equal(stat("out/usr/sparse", &a), 0);
	assert_true(a.st_size == 8 * 1024 * 1024 + 77 && a.st_blocks < 2048);
	assert_int_equal(stat("out/dev", &a), 0);
	assert_int_equal(stat("out/empty", &a), 0);
	assert_int_equal(lstat("out/fifo", &a), 0);
	assert_true(S_ISFIFO(a.st_mode));
	char text[32] = "";
	assert_int_equal(readlink("out/link", text, sizeof(text) - 1), 13);
	if (has_xattrs) {
		assert_int_equal(getxattr("out/setuid", "user.kept", text, sizeof(text)), 5);
		assert_int_equal(getxattr("out/usr", "user.dir", text, sizeof(text)), 1);
	}
	assert_int_equal(remove_tree(AT_FDCWD, "out", "out", false, &err), 0);
	struct stat locked;
	assert_int_equal(stat("c/locked", &locked), 0);
	assert_int_equal(locked.st_mode & 07777, 0); /* as it was */
}

static int users_can_do_the_same(void)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	if (scan_and_extract("out-user", &err) < 0) {
		print_error("%s\n", err.message);
		return 1;
	}
	struct stat st;
	if (stat("out-user/setuid", &st) < 0 || (st.st_mode & 07777) != 0755)
		return 2;
	return stat("out-user/locked", &st) < 0 || st.st_size != 9 || (st.st_mode & 07777) != 0400 ? 3 : 0;
}

static void an_owner_exports_what_he_locked(void **state)
{
	(void)state;
	_cleanup_free_ char *command = xasprintf("chown -R %u c", ORDINARY_ID);
	if (geteuid() == 0) {
		chmod("c/target", 0);
		assert_int_equal(system(command), 0);
	}
	assert_int_equal(chmod("c/setuid", 04755), 0);
	assert_int_equal(as_ordinary_user(users_can_do_the_same), 0);
}

static void the_same_tree_gives_the_same_bytes(void **state)
{
	(void)state;
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_free_ char *first = NULL;
	size_t first_len = 0;
	for (int i = 0; i < 3; i++) {
		_cleanup_close_ int fd = memfd_create("image", MFD_CLOEXEC);
		struct scan_report report;
		_cleanup_free_ char *data = NULL;
		size_t len;
		assert_int_equal(scan_to(fd, &report, &err), 0);
		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		assert_int_equal(fd_read_all(fd, 64 << 20, &data, &len), 0);
		if (first == NULL) {
			first_len = len;
			first = steal_pointer(&data);
			continue;
		}
		assert_int_equal(len, first_len);
		assert_memory_equal(data, first, len);
	}
}

/* Deeper than what is kept open on the way down: scanned, extracted and removed. */
static void depth_is_no_limit(void **state)
{
	(void)state;
	_cleanup_error_ struct error err = ERROR_INIT;
	mkdir("c/deep", 0755);
	int fd = open_dir("c/deep");
	for (int i = 0; i < 1500; i++) {
		assert_int_equal(mkdirat(fd, "directory", 0755), 0);
		assert_int_equal(mkdirat(fd, "next", 0755), 0);
		int next = openat(fd, "directory", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(fd);
		fd = next;
	}
	close(fd);
	if (scan_and_extract("out-deep", &err) < 0)
		fail_msg("%s", err.message);
	fd = open_dir("out-deep/deep");
	for (int i = 0; i < 1500; i++) {
		assert_int_equal(faccessat(fd, "next", F_OK, 0), 0);
		int next = openat(fd, "directory", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(fd);
		fd = next;
	}
	close(fd);
	assert_int_equal(remove_tree(AT_FDCWD, "out-deep", "out-deep", false, &err), 0);
	assert_int_equal(remove_tree(AT_FDCWD, "c/deep", "c/deep", false, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_tree_comes_back),
		cmocka_unit_test(the_same_tree_gives_the_same_bytes),
		cmocka_unit_test(an_owner_exports_what_he_locked),
		cmocka_unit_test(depth_is_no_limit),
	};
	return cmocka_run_group_tests(tests, make_tree, leave_scratch);
}
