#include "../unit.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>

#include "rootfs/remove.h"
#include "scratch.h"

static int remove_here(const char *name, struct error *err)
{
	return remove_tree(AT_FDCWD, name, name, false, err);
}

static void everything_goes(void **state)
{
	(void)state;
	_cleanup_error_ struct error err = ERROR_INIT;
	mkdir("outside", 0755);
	put_file("outside/kept", "x", 0644);
	mkdir("t", 0755);
	mkdir("t/a", 0755);
	mkdir("t/a/b", 0755);
	put_file("t/a/file", "x", 0644);
	mkfifo("t/a/fifo", 0600);
	assert_int_equal(symlink("../../outside", "t/a/link"), 0);
	assert_int_equal(symlink("../outside", "t/link"), 0);
	assert_int_equal(remove_here("t", &err), 0);
	assert_int_equal(access("t", F_OK), -1);
	assert_int_equal(access("outside/kept", F_OK), 0);
	assert_int_equal(remove_here("t", &err), 0); /* not there: fine */

	assert_int_equal(symlink("outside", "link"), 0);
	assert_int_equal(remove_here("link", &err), 0);
	assert_int_equal(access("outside/kept", F_OK), 0);
	assert_int_equal(remove_here("outside", &err), 0);
}

/* Deeper than PATH_MAX and than the descriptors that are kept open; a file and a sibling on every level. */
static void depth_is_no_limit(void **state)
{
	(void)state;
	_cleanup_error_ struct error err = ERROR_INIT;
	mkdir("deep", 0755);
	int fd = open_dir("deep");
	for (int i = 0; i < 3000; i++) {
		assert_int_equal(mkdirat(fd, "directory", 0755), 0);
		assert_int_equal(mkdirat(fd, "side", 0755), 0);
		int file = openat(fd, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		close(file);
		int next = openat(fd, "directory", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(fd);
		fd = next;
	}
	close(fd);
	assert_int_equal(remove_here("deep", &err), 0);
	assert_int_equal(access("deep", F_OK), -1);
}

/* COUNT directories side by side, with files and a directory below each, and some closed to their owner. */
static void make_large(const char *top, unsigned count)
{
	char path[64];
	mkdir(top, 0755);
	for (unsigned i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%u", top, i);
		mkdir(path, 0755);
		for (unsigned n = 0; n < 3; n++) {
			snprintf(path, sizeof(path), "%s/%u/file%u", top, i, n);
			put_file(path, "x", 0644);
		}
		snprintf(path, sizeof(path), "%s/%u/below", top, i);
		mkdir(path, i % 10 == 0 ? 0 : 0755);
		snprintf(path, sizeof(path), "%s/%u", top, i);
		chmod(path, i % 7 == 0 ? 0500 : 0755);
	}
}

static int remove_large(void)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	make_large("large", 1000);
	if (remove_here("large", &err) < 0) {
		print_error("%s\n", err.message);
		return 1;
	}
	return access("large", F_OK) == 0;
}

/* Enough for several threads. */
static void large_trees_go(void **state)
{
	(void)state;
	assert_int_equal(as_ordinary_user(remove_large), 0);
}

static int fail_in_large(void)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	if (remove_here("shared", &err) == 0)
		return 1;
	return strcmp(err.message, "cannot remove shared/500/foreign/file: Permission denied") != 0;
}

/* One error of one thread, and nobody goes on for long. */
static void large_trees_stop_at_what_cannot_go(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	make_large("shared", 1000);
	mkdir("shared/500/foreign", 0755);
	put_file("shared/500/foreign/file", "x", 0644);
	char path[64];
	assert_int_equal(chown("shared", ORDINARY_ID, ORDINARY_ID), 0);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(path, sizeof(path), "shared/%u", i);
		assert_int_equal(chown(path, ORDINARY_ID, ORDINARY_ID), 0);
		snprintf(path, sizeof(path), "shared/%u/below", i);
		assert_int_equal(chown(path, ORDINARY_ID, ORDINARY_ID), 0);
	}
	assert_int_equal(as_ordinary_user(fail_in_large), 0);
	assert_int_equal(access("shared/500/foreign/file", F_OK), 0);
	_cleanup_error_ struct error err = ERROR_INIT;
	assert_int_equal(remove_here("shared", &err), 0);
}

static int remove_locked(void)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	mkdir("locked", 0755);
	mkdir("locked/a", 0755);
	mkdir("locked/a/b", 0755);
	put_file("locked/a/b/file", "x", 0);
	chmod("locked/a/b", 0);
	chmod("locked/a", 0);
	chmod("locked", 0500);
	if (remove_here("locked", &err) < 0) {
		print_error("%s\n", err.message);
		return 1;
	}
	return access("locked", F_OK) == 0;
}

static void locked_directories_are_opened(void **state)
{
	(void)state;
	assert_int_equal(as_ordinary_user(remove_locked), 0);
}

static int fail_on_foreign(void)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	if (remove_here("foreign", &err) == 0)
		return 1;
	return strcmp(err.message, "cannot remove foreign/file: Permission denied") != 0;
}

static void what_cannot_go_is_named(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	mkdir("foreign", 0755);
	put_file("foreign/file", "x", 0644);
	assert_int_equal(as_ordinary_user(fail_on_foreign), 0);
	_cleanup_error_ struct error err = ERROR_INIT;
	assert_int_equal(remove_here("foreign", &err), 0);
}

/* In a mount namespace of its own. */
static int try_mounts(void)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 0; /* not here */
	mkdir("m", 0755);
	mkdir("m/with blank", 0755);
	mkdir("precious", 0755);
	put_file("precious/file", "x", 0644);
	if (mount("precious", "m/with blank", NULL, MS_BIND, NULL) < 0)
		return 0;
	if (remove_check_mounts("m", &err) == 0 || err.code != EBUSY)
		return 1;
	_cleanup_free_ char *want =
		xasprintf("%s/m/with blank is mounted, m is not removed: Device or resource busy", scratch);
	if (strcmp(err.message, want) != 0) {
		print_error("%s\n%s\n", err.message, want);
		return 2;
	}
	/* Without that first look it is not crossed either: the same file system, another mount. */
	if (remove_here("m", &err) == 0 || access("precious/file", F_OK) != 0)
		return 3;
	umount("m/with blank");
	if (remove_check_mounts("m", &err) < 0 || remove_check_mounts("none", &err) < 0)
		return 4;
	return remove_here("m", &err) < 0 || remove_here("precious", &err) < 0;
}

static void mounts_are_not_crossed(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	pid_t pid = fork();
	if (pid == 0)
		_exit(try_mounts());
	int status;
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_goes),
		cmocka_unit_test(depth_is_no_limit),
		cmocka_unit_test(large_trees_go),
		cmocka_unit_test(large_trees_stop_at_what_cannot_go),
		cmocka_unit_test(locked_directories_are_opened),
		cmocka_unit_test(what_cannot_go_is_named),
		cmocka_unit_test(mounts_are_not_crossed),
	};
	return cmocka_run_group_tests(tests, enter_scratch, leave_scratch);
}
