#include "../unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "hooks/place.h"
#include "hooks/skeleton.h"

/* A root filesystem beside a folder that must not change. */
struct tree {
	char path[64];
	int top, root, outside;
};

static int make_dir(int dir, const char *name)
{
	assert_int_equal(mkdirat(dir, name, 0755), 0);
	return openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void write_at(int dir, const char *name, const char *text)
{
	_cleanup_close_ int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_full(fd, text, strlen(text)), 0);
}

static char *read_at(int dir, const char *name)
{
	char *text = NULL;
	_cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 && fd_read_all(fd, 4096, &text, NULL) == 0 ? text : NULL;
}

static void assert_reads(int dir, const char *name, const char *want)
{
	_cleanup_free_ char *text = read_at(dir, name);
	assert_non_null(text);
	assert_string_equal(text, want);
}

static int setup(void **state)
{
	static struct tree t;
	strcpy(t.path, "/tmp/enroot-test-XXXXXX");
	assert_non_null(mkdtemp(t.path));
	t.top = open(t.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	t.root = make_dir(t.top, "root");
	t.outside = make_dir(t.top, "outside");
	write_at(t.outside, "file", "outside");
	close(make_dir(t.root, "etc"));
	*state = &t;
	return 0;
}

static int teardown(void **state)
{
	struct tree *t = *state;
	char command[128];
	close(t->top);
	close(t->root);
	close(t->outside);
	snprintf(command, sizeof(command), "rm -rf %s", t->path);
	return system(command);
}

static void test_replaces(void **state)
{
	struct tree *t = *state;
	_cleanup_error_ struct error err = ERROR_INIT;
	write_at(t->root, "etc/passwd", "old");
	assert_int_equal(place_replace_file(t->root, "/etc/passwd", "new", 3, 0644, &err), 0);
	assert_reads(t->root, "etc/passwd", "new");
	assert_int_equal(place_replace_file(t->root, "/etc/made", "new", 3, 0600, &err), 0);
	struct stat st;
	assert_int_equal(fstatat(t->root, "etc/made", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

/* The node is replaced, never what it points to. */
static void test_replaces_links(void **state)
{
	struct tree *t = *state;
	static const char *const targets[] = { "../../outside/file", "/nowhere", "self" };
	_cleanup_error_ struct error err = ERROR_INIT;
	for (unsigned i = 0; i < ARRAY_SIZE(targets); i++) {
		assert_int_equal(symlinkat(targets[i], t->root, "etc/link"), 0);
		assert_int_equal(place_replace_file(t->root, "/etc/link", "new", 3, 0644, &err), 0);
		assert_reads(t->root, "etc/link", "new");
		assert_int_equal(unlinkat(t->root, "etc/link", 0), 0);
	}
	assert_int_equal(place_replace_link(t->root, "/etc/zone", "/usr/x", &err), 0);
	assert_int_equal(place_replace_link(t->root, "/etc/zone", "/usr/y", &err), 0);
	char text[16] = { 0 };
	assert_int_equal(readlinkat(t->root, "etc/zone", text, sizeof(text) - 1), 6);
	assert_string_equal(text, "/usr/y");
	assert_reads(t->outside, "file", "outside");
}

/* A directory that leads out is followed inside of the root. */
static void test_stays_in_root(void **state)
{
	struct tree *t = *state;
	_cleanup_error_ struct error err = ERROR_INIT;
	assert_int_equal(symlinkat("../outside", t->root, "leads-out"), 0);
	static const char *const texts[] = { "new", "newer" }; /* the directory is made, then it is there */
	for (unsigned i = 0; i < ARRAY_SIZE(texts); i++) {
		assert_int_equal(place_replace_file(
					 t->root, "/leads-out/file", texts[i], strlen(texts[i]), 0644, &err),
			0);
		assert_reads(t->root, "outside/file", texts[i]);
		assert_reads(t->outside, "file", "outside");
	}
}

static void test_directory_in_the_way(void **state)
{
	struct tree *t = *state;
	_cleanup_error_ struct error err = ERROR_INIT;
	close(make_dir(t->root, "etc/group"));
	assert_int_equal(place_replace_file(t->root, "/etc/group", "new", 3, 0644, &err), -1);
	assert_non_null(strstr(err.message, "/etc/group"));
}

static void test_skeleton(void **state)
{
	struct tree *t = *state;
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_close_ int skel = make_dir(t->root, "etc/skel");
	write_at(skel, ".profile", "profile");
	close(make_dir(skel, "sub"));
	write_at(skel, "sub/file", "sub");
	assert_int_equal(symlinkat("../../outside/file", skel, "link"), 0);
	assert_int_equal(mkfifoat(skel, "fifo", 0600), 0);

	assert_int_equal(skeleton_make_home(t->root, "/home/me", "/etc/skel", 0700, &err), 0);
	assert_reads(t->root, "home/me/.profile", "profile");
	assert_reads(t->root, "home/me/sub/file", "sub");
	struct stat st;
	assert_int_equal(fstatat(t->root, "home/me/link", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(fstatat(t->root, "home/me/fifo", &st, AT_SYMLINK_NOFOLLOW), -1);

	/* What exists is left as it is. */
	write_at(t->root, "home/me/.profile", "mine");
	assert_int_equal(skeleton_make_home(t->root, "/home/me", "/etc/skel", 0700, &err), 0);
	assert_reads(t->root, "home/me/.profile", "mine");
}

static void test_skeleton_outside(void **state)
{
	struct tree *t = *state;
	_cleanup_error_ struct error err = ERROR_INIT;
	assert_int_equal(symlinkat("../outside", t->root, "skel"), 0);
	assert_int_equal(skeleton_make_home(t->root, "/home/a", "/skel", 0700, &err), 0);
	struct stat st;
	assert_int_equal(fstatat(t->root, "home/a/file", &st, 0), -1);
	/* A home above the root is refused. */
	assert_int_equal(skeleton_make_home(t->root, "/../outside/home", "/skel", 0700, &err), -1);
	assert_int_equal(fstatat(t->outside, "home", &st, 0), -1);
}

static void test_deep_skeleton(void **state)
{
	struct tree *t = *state;
	_cleanup_error_ struct error err = ERROR_INIT;
	int dir = make_dir(t->root, "etc/skel");
	for (int i = 0; i < 40; i++) {
		int next = make_dir(dir, "d");
		close(dir);
		dir = next;
	}
	close(dir);
	assert_int_equal(skeleton_make_home(t->root, "/home/deep", "/etc/skel", 0700, &err), 0);
	struct stat st;
	assert_int_equal(fstatat(t->root, "home/deep/d/d/d/d", &st, 0), 0);
	assert_int_equal(fstatat(t->root, "home/deep/d/d/d/d/d/d/d/d/d/d/d/d", &st, 0), -1);
}

int main(void)
{
#define TREE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TREE_TEST(test_replaces),
		TREE_TEST(test_replaces_links),
		TREE_TEST(test_stays_in_root),
		TREE_TEST(test_directory_in_the_way),
		TREE_TEST(test_skeleton),
		TREE_TEST(test_skeleton_outside),
		TREE_TEST(test_deep_skeleton),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
