/* Attributes, limits and failures of unpacking. */
#include "unpacked.h"

static void attributes_are_set(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 1);
	const struct tree_xattr list[] = { { "user.a", "1\0002", 3 }, { "security.capability", "x", 1 },
		{ "user.empty", "", 0 } };
	struct tree_file file = file_at("f", 0);
	uint32_t id;
	file.mode = 06555;
	file.xattrs = list;
	file.xattr_count = ARRAY_SIZE(list);
	assert_int_equal(unpack_file_begin(f.u, &file, &f.err), 0);
	assert_int_equal(unpack_file_end(f.u, &id, &f.err), 0);
	add_file(&f, "f", id);
	finish(&f);
	char value[8];
	assert_int_equal(stat_of("t/f").st_mode & 07777, 0555);
	if (f.report.xattrs == 0) { /* not on every file system */
		assert_int_equal(getxattr("t/f", "user.a", value, sizeof(value)), 3);
		assert_int_equal(getxattr("t/f", "user.empty", value, sizeof(value)), 0);
	}
	assert_int_equal(getxattr("t/f", "security.capability", value, sizeof(value)), -1);
	fixture_cleanup(&f);
}

static void sizes_must_be_true(void **state)
{
	(void)state;
	struct fixture f;
	uint32_t id;
	fixture_init(&f, 2);
	struct tree_file file = file_at("f", 3);
	assert_int_equal(unpack_file_begin(f.u, &file, &f.err), 0);
	assert_int_equal(unpack_file_data(f.u, "abcd", 4, &f.err), -1);
	assert_int_equal(f.err.code, ERANGE);
	assert_int_equal(unpack_file_hole(f.u, UINT64_MAX, &f.err), -1);
	assert_int_equal(unpack_file_end(f.u, &id, &f.err), -1);
	fixture_cleanup(&f);
}

/* A tree that wants what was never written is refused; so is a file that can no longer be. */
static void what_cannot_be_is_an_error(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 2);
	write_text(&f, "f", "x");
	add_file(&f, "f", 5);
	assert_int_equal(unpack_finish(f.u, f.tree, &f.report, &f.err), -1);
	assert_int_equal(f.err.code, EUCLEAN);
	fixture_cleanup(&f);
}

/* The error of a thread comes out, names the file, and ends the work. */
static void a_full_disk_is_told(void **state)
{
	(void)state;
	const struct rlimit small = { 1 << 20, RLIM_INFINITY };
	struct rlimit old;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, SIG_IGN);
	for (size_t i = 0; i < ARRAY_SIZE(thread_rows); i++) {
		struct fixture f;
		fixture_init(&f, thread_rows[i]);
		const struct rlimit limit = { small.rlim_cur, old.rlim_max };
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
		_cleanup_free_ char *data = xcalloc(1, 64 << 10);
		data[0] = 1;
		struct tree_file file = file_at("dir/too-large", 64 << 20);
		int r = unpack_file_begin(f.u, &file, &f.err);
		for (unsigned n = 0; r == 0 && n < 1024; n++)
			r = unpack_file_data(f.u, data, 64 << 10, &f.err);
		if (r == 0)
			r = unpack_finish(f.u, f.tree, &f.report, &f.err);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
		assert_int_equal(r, -1);
		assert_int_equal(f.err.code, EFBIG);
		assert_non_null(strstr(f.err.message, "dir/too-large"));
		fixture_cleanup(&f);
	}
}

/* Deep trees whose paths no call takes at once. */
static void depth_is_no_limit(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 2);
	char path[40 * 201 + 8] = "", name[201];
	memset(name, 'd', 200);
	name[200] = '\0';
	for (unsigned n = 0; n < 40; n++) {
		strcat(path, n != 0 ? "/" : "");
		strcat(path, name);
		add_other(&f, path, TREE_DIRECTORY, 0755);
	}
	strcat(path, "/leaf");
	uint32_t leaf = write_text(&f, path, "leaf");
	uint32_t side = write_text(&f, "side", "side");
	strcpy(strrchr(path, '/'), "/more");
	uint32_t more = write_text(&f, path, "more"); /* by the whole way again */
	add_file(&f, path, more);
	strcpy(strrchr(path, '/'), "/leaf");
	add_file(&f, path, leaf);
	add_file(&f, "side", side);
	finish(&f);
	int fd = open_dir("t");
	for (unsigned n = 0; n < 40; n++) {
		int next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(fd);
		fd = next;
	}
	assert_int_equal(faccessat(fd, "leaf", R_OK, 0), 0);
	assert_int_equal(faccessat(fd, "more", R_OK, 0), 0);
	close(fd);
	fixture_cleanup(&f);
}

static int as_user(void)
{
	struct fixture f;
	umask(077);
	if (mkdir("u", 0700) < 0 || chdir("u") < 0)
		return 1;
	fixture_init(&f, 2);
	umask(022);
	add_other(&f, "d", TREE_DIRECTORY, 0);
	struct tree_file file = file_at("d/f", 0);
	file.mode = 04066;
	uint32_t id;
	if (unpack_file_begin(f.u, &file, &f.err) < 0 || unpack_file_end(f.u, &id, &f.err) < 0)
		return 2;
	add_file(&f, "d/f", id);
	if (unpack_finish(f.u, f.tree, &f.report, &f.err) < 0)
		return 3;
	fixture_cleanup(&f);
	if ((stat_of("t/d").st_mode & 07777) != 0700)
		return 4;
	return (stat_of("t/d/f").st_mode & 07777) == 0466 ? 0 : 5;
}

/* Modes are the image's, repaired, whatever the umask was. */
static void a_user_can_use_what_is_his(void **state)
{
	(void)state;
	assert_int_equal(as_ordinary_user(as_user), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attributes_are_set),
		cmocka_unit_test(sizes_must_be_true),
		cmocka_unit_test(what_cannot_be_is_an_error),
		cmocka_unit_test(a_full_disk_is_told),
		cmocka_unit_test(depth_is_no_limit),
		cmocka_unit_test(a_user_can_use_what_is_his),
	};
	return cmocka_run_group_tests(tests, enter_scratch, leave_scratch);
}
