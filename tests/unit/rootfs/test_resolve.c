#include "../unit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "rootfs/resolve.h"
#include "rootfs/walk.h"

static char dir[] = "/tmp/test-resolve-XXXXXX";
static int root;

static void put(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_int_equal(fd_write_full(fd, text, strlen(text)), 0);
}

/* "outside" stands beside the root; every file holds its own name. */
static int make_tree(void **state)
{
	(void)state;
	umask(077);
	if (mkdtemp(dir) == NULL || chdir(dir) < 0)
		return -1;
	put("outside", "outside");
	mkdir("root", 0755);
	mkdir("root/etc", 0755);
	mkdir("root/etc/deep", 0755);
	mkdir("root/run", 0755);
	put("root/etc/passwd", "passwd");
	put("root/etc/deep/file", "file");
	put("root/outside", "inner");
	static const char *const links[][2] = { { "/etc", "root/abs" }, { "etc", "root/rel" },
		{ "../outside", "root/up" }, { "../../../../outside", "root/etc/deep/up" },
		{ "/outside", "root/etc/absup" }, { "loop", "root/loop" },
		{ "run/new/file", "root/dangling" }, { "/run/sub", "root/dangling-dir" },
		{ "etc/passwd", "root/pw" }, { "deep/", "root/etc/slash" },
		{ "../etc/./deep/../passwd", "root/etc/dots" } };
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		if (symlink(links[i][0], links[i][1]) < 0)
			return -1;
	}
	root = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root < 0 ? -1 : 0;
}

static int remove_tree(void **state)
{
	(void)state;
	_cleanup_free_ char *command = xasprintf("chmod -R u+rwX '%s' && rm -rf '%s'", dir, dir);
	close(root);
	return chdir("/") == 0 ? system(command) : -1;
}

static const struct {
	const char *path, *want; /* content; NULL: CODE */
	int code;
} opens[] = {
	{ "etc/passwd", "passwd", 0 },
	{ "/etc/passwd", "passwd", 0 },
	{ "//etc/./passwd", "passwd", 0 },
	{ "etc/../etc/passwd", "passwd", 0 },
	{ "abs/passwd", "passwd", 0 },
	{ "/rel/passwd", "passwd", 0 },
	{ "pw", "passwd", 0 },
	{ "up", "inner", 0 }, /* as the container sees it */
	{ "etc/deep/up", "inner", 0 },
	{ "etc/absup", "inner", 0 },
	{ "etc/slash/file", "file", 0 },
	{ "etc/dots", "passwd", 0 },
	{ "abs/deep/../passwd", "passwd", 0 },
	{ "none", NULL, ENOENT },
	{ "", NULL, ENOENT },
	{ "etc/none/x", NULL, ENOENT },
	{ "dangling", NULL, ENOENT },
	{ "loop", NULL, ELOOP },
	{ "etc/passwd/x", NULL, ENOTDIR },
	{ "etc/passwd/", NULL, ENOTDIR },
	{ "..", NULL, EXDEV },
	{ "/../outside", NULL, EXDEV },
	{ "../outside", NULL, EXDEV },
	{ "etc/../../outside", NULL, EXDEV },
};

static void opens_stay_inside(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(opens); i++) {
		size_t row = i / 2;
		bool walks = i % 2 == 1; /* each row by the kernel and by the fallback */
		if (walks && opens[row].code == EXDEV)
			continue; /* refused before either */
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_close_ int fd = -1;
		if (walks) {
			fd = walk_open(root, opens[row].path, O_RDONLY);
			err.code = fd < 0 ? errno : 0;
		} else {
			fd = resolve_open(root, opens[row].path, O_RDONLY, &err);
		}
		if (opens[row].want == NULL) {
			if (fd >= 0 || err.code != opens[row].code)
				print_error("row %s: %d, errno %d\n", opens[row].path, fd, err.code);
			assert_int_equal(fd, -1);
			assert_int_equal(err.code, opens[row].code);
			continue;
		}
		char text[32] = "";
		if (fd < 0)
			print_error("row %s: %s\n", opens[row].path, err.message);
		assert_true(fd_read_full(fd, text, sizeof(text) - 1) > 0);
		assert_string_equal(text, opens[row].want);
	}
}

static void messages_end_with_the_reason(void **state)
{
	(void)state;
	_cleanup_error_ struct error err = ERROR_INIT;
	assert_int_equal(resolve_open(root, "../home", O_PATH, &err), -1);
	assert_string_equal(
		err.message, "../home leads out of the root filesystem: Invalid cross-device link");
	assert_int_equal(resolve_open(root, "/none", O_PATH, &err), -1);
	assert_string_equal(
		err.message, "cannot open /none in the root filesystem: No such file or directory");
}

static void nofollow_opens_the_link_itself(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		int flags = O_PATH | O_NOFOLLOW;
		_cleanup_close_ int fd =
			i == 0 ? resolve_open(root, "abs", flags, &err) : walk_open(root, "abs", flags);
		struct stat st;
		assert_int_equal(fstat(fd, &st), 0);
		assert_true(S_ISLNK(st.st_mode));
	}
}

static void magic_links_are_not_followed(void **state)
{
	(void)state;
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_close_ int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(resolve_open(proc, "self/root", O_PATH, &err), -1);
	assert_int_equal(err.code, ELOOP);
	/* The walk takes the text: "/" is the root that was given, not the host's. */
	_cleanup_close_ int fd = walk_open(proc, "self/root", O_PATH);
	struct stat got, want;
	assert_int_equal(fstat(fd, &got), 0);
	assert_int_equal(fstat(proc, &want), 0);
	assert_true(got.st_ino == want.st_ino && got.st_dev == want.st_dev);
}

static void parents(void **state)
{
	(void)state;
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_free_ char *name = NULL;
	_cleanup_close_ int fd = resolve_parent(root, "/abs/deep/new", &name, &err);
	assert_true(fd >= 0);
	assert_string_equal(name, "new");
	assert_int_equal(faccessat(fd, "file", F_OK, 0), 0);
	static const struct {
		const char *path;
		int code;
	} bad[] = { { "", EINVAL }, { "/", EINVAL }, { "etc/.", EINVAL }, { "etc/..", EINVAL },
		{ "none/x", ENOENT }, { "../x", EXDEV }, { "loop/x", ELOOP }, { "outside/x", ENOTDIR } };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_free_ char *none = NULL;
		assert_int_equal(resolve_parent(root, bad[i].path, &none, &err), -1);
		assert_int_equal(err.code, bad[i].code);
		assert_null(none);
	}
}

static void check_mode(const char *path, mode_t want)
{
	struct stat st;
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode, want);
}

static void directories_are_made_inside(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{ "/a/b/c", "root/a/b/c" },
		{ "abs/new", "root/etc/new" },
		{ "dangling-dir/x", "root/run/sub/x" },
		{ "/etc/../z/", "root/z" },
	};
	_cleanup_error_ struct error err = ERROR_INIT;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (int again = 0; again < 2; again++) {
			_cleanup_close_ int fd = resolve_mkdirs(root, rows[i][0], 0, &err);
			if (fd < 0)
				print_error("%s\n", err.message);
			assert_true(fd >= 0);
			check_mode(rows[i][1], S_IFDIR); /* mode 000, as asked */
		}
	}
	check_mode("root/a/b", S_IFDIR | 0755); /* the umask does not count */
	_cleanup_close_ int same = resolve_mkdirs(root, "/", 0700, &err);
	assert_true(same >= 0);
	check_mode("root", S_IFDIR | 0700); /* made so under this umask, and left alone */
	assert_int_equal(resolve_mkdirs(root, "etc/passwd", 0755, &err), -1);
	assert_int_equal(err.code, ENOTDIR);
	assert_int_equal(resolve_mkdirs(root, "../x", 0755, &err), -1);
	assert_int_equal(err.code, EXDEV);
}

static void files_are_created_inside(void **state)
{
	(void)state;
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_close_ int one = resolve_create_file(root, "/p/q/file", 0644, &err);
	assert_true(one >= 0);
	check_mode("root/p/q/file", S_IFREG | 0644);
	_cleanup_close_ int two = resolve_create_file(root, "dangling", 0, &err);
	assert_true(two >= 0);
	check_mode("root/run/new/file", S_IFREG);
	static const struct {
		const char *path;
		int code;
	} bad[] = { { "etc/passwd", EEXIST }, { "pw", EEXIST }, { "etc", EEXIST }, { "new/", EISDIR },
		{ "/", EISDIR }, { "up/x", ENOTDIR }, { "loop", ELOOP } };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(resolve_create_file(root, bad[i].path, 0644, &err), -1);
		if (err.code != bad[i].code)
			print_error("%s: %s\n", bad[i].path, err.message);
		assert_int_equal(err.code, bad[i].code);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_stay_inside),
		cmocka_unit_test(messages_end_with_the_reason),
		cmocka_unit_test(nofollow_opens_the_link_itself),
		cmocka_unit_test(magic_links_are_not_followed),
		cmocka_unit_test(parents),
		cmocka_unit_test(directories_are_made_inside),
		cmocka_unit_test(files_are_created_inside),
	};
	return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
