#include "../unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "config/user.h"

#define NOBODY_KNOWS 3999999u

static char dir[] = "/tmp/enroot-test-XXXXXX";

static void write_file(const char *name, const char *text, mode_t mode)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, name);
	unlink(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_full(fd, text, strlen(text)), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* A getent of ours, in front of the system's. It leaves a mark each time. */
static int setup(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	_cleanup_free_ char *path = xasprintf("%s:/usr/bin:/bin", dir);
	_cleanup_free_ char *script =
		xasprintf("#!/bin/sh\necho asked >>%s/asked\n"
			  "[ $2 = 4000000 ] && echo 'ann:x:4000000:7:Ann:/home/ann:/bin/ksh'\n",
			dir);
	setenv("PATH", path, 1);
	unsetenv("USER");
	unsetenv("LOGNAME");
	write_file("getent", script, 0755);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	_cleanup_free_ char *command = xasprintf("rm -rf %s", dir);
	return system(command);
}

static int times_asked(void)
{
	_cleanup_free_ char *path = xasprintf("%s/asked", dir);
	FILE *f = fopen(path, "re");
	int n = 0;
	for (int c; f != NULL && (c = fgetc(f)) != EOF;)
		n += c == '\n';
	if (f != NULL)
		fclose(f);
	return n;
}

static void lines_of_passwd(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "root", "a:x:1:1:g:/h", "a:x:1:1:g:/h:/s:more",
		":x:1:1:g:/h:/s", "a:x::1:g:/h:/s", "a:x:-1:1:g:/h:/s", "a:x:1:y:g:/h:/s",
		"a:x:4294967296:1:g:/h:/s" };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct user user = USER_INIT;
		assert_false(user_parse_line(bad[i], &user));
	}
	_cleanup_user_ struct user user = USER_INIT;
	assert_true(user_parse_line("a:x:5:6::/h:", &user));
	assert_string_equal(user.name, "a");
	assert_string_equal(user.shell, "");
	assert_int_equal(user.uid, 5);
	assert_int_equal(user.gid, 6);
}

static void the_file_comes_first(void **state)
{
	(void)state;
	_cleanup_user_ struct user user = USER_INIT;
	assert_true(user_find(0, &user));
	assert_string_equal(user.name, "root");
	assert_int_equal(times_asked(), 0);
}

static void find_ann(void)
{
	_cleanup_user_ struct user user = USER_INIT;
	assert_true(user_find(4000000, &user));
	assert_string_equal(user.name, "ann");
	assert_string_equal(user.home, "/home/ann");
	assert_string_equal(user.shell, "/bin/ksh");
	assert_int_equal(user.gid, 7);
}

static void answers_of_getent_are_kept(void **state)
{
	(void)state;
	find_ann();
	assert_int_equal(times_asked(), 1);
	user_keep_answers(dir);
	find_ann();
	assert_int_equal(times_asked(), 2);
	find_ann();
	assert_int_equal(times_asked(), 2);

	_cleanup_free_ char *path = xasprintf("%s/passwd-4000000", dir);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	const struct timespec old[2] = { { time(NULL) - 3700, 0 }, { time(NULL) - 3700, 0 } };
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
	find_ann();
	assert_int_equal(times_asked(), 3);
	/* What others could have written is not believed. */
	write_file("passwd-4000000", "evil:x:4000000:0::/:/bin/evil\n", 0666);
	find_ann();
	assert_int_equal(times_asked(), 4);
	write_file("passwd-4000000", "other:x:5:0::/:/bin/evil\n", 0600);
	find_ann();
	assert_int_equal(times_asked(), 5);
	user_keep_answers(NULL);
}

static void the_environment_comes_last(void **state)
{
	(void)state;
	_cleanup_user_ struct user user = USER_INIT;
	assert_false(user_find(NOBODY_KNOWS, &user));
	setenv("USER", "bad:name", 1);
	assert_false(user_find(NOBODY_KNOWS, &user));
	setenv("LOGNAME", "bob", 1);
	setenv("HOME", "/home/bob", 1);
	assert_true(user_find(NOBODY_KNOWS, &user));
	assert_string_equal(user.name, "bob");
	assert_string_equal(user.home, "/home/bob");
	assert_int_equal(user.uid, NOBODY_KNOWS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_passwd),
		cmocka_unit_test(the_file_comes_first),
		cmocka_unit_test(answers_of_getent_are_kept),
		cmocka_unit_test(the_environment_comes_last),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
