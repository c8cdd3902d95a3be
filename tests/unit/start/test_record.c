/* The records of names: what is written, what /proc says, and that neither is believed blindly. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit.h"
#include "base/memory.h"
#include "start/record.h"

static void test_parse(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool good;
		pid_t pid;
		uint64_t started;
	} rows[] = {
		{ "17 583155\n", true, 17, 583155 },
		{ "1 0\n", true, 1, 0 },
		{ "", false, 0, 0 },
		{ "17\n", false, 0, 0 },
		{ "17 583155", false, 0, 0 }, /* cut off */
		{ "17 583155\n18 1\n", false, 0, 0 },
		{ "0 5\n", false, 0, 0 },
		{ "-1 5\n", false, 0, 0 }, /* kill(2) means everybody by it */
		{ "99999999999 5\n", false, 0, 0 },
		{ "x y\n", false, 0, 0 },
	};
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		pid_t pid = 0;
		uint64_t started = 0;
		assert_int_equal(record_parse(rows[i].text, &pid, &started), rows[i].good);
		if (rows[i].good) {
			assert_int_equal(pid, rows[i].pid);
			assert_int_equal(started, rows[i].started);
		}
	}
}

#define REST " 7 9 9 0 -1 4194304 100 0 0 0 1 2 3 4 20 0 1 0 583155 4000 50\n"

static void test_parse_stat(void **state)
{
	(void)state;
	static const struct {
		const char *stat;
		bool good;
	} rows[] = {
		{ "12 (sleep) S" REST, true },
		{ "12 (a) S 1 (b) S) R" REST, true }, /* a name that imitates the rest */
		{ "12 (sleep) Z" REST, false },
		{ "12 (sleep) X" REST, false },
		{ "12 (sleep) S 7", false },
		{ "12", false },
		{ "", false },
	};
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		pid_t parent = 0;
		uint64_t started = 0;
		assert_int_equal(record_parse_stat(rows[i].stat, &parent, &started), rows[i].good);
		if (rows[i].good) {
			assert_int_equal(parent, 7);
			assert_int_equal(started, 583155);
		}
	}
}

static char folder[] = "/tmp/enroot-record-XXXXXX";

static struct settings *settings_with_folder(void)
{
	struct settings *s;
	_cleanup_error_ struct error err = ERROR_INIT;
	assert_int_equal(settings_load_environment(&s, &err), 0);
	settings_set(s, SETTING_RUNTIME_PATH, folder);
	return s;
}

static void write_in_child(const struct settings *s, int code)
{
	pid_t child = fork();
	if (child == 0) {
		_cleanup_error_ struct error err = ERROR_INIT;
		int r = record_write(s, "name", &err);
		_exit(r == 0 ? 0 : err.code == EBUSY ? 1 : 2);
	}
	int status;
	waitpid(child, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), code);
}

static void test_life(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	_cleanup_error_ struct error err = ERROR_INIT;
	struct settings *s = settings_with_folder();
	_cleanup_free_ char *file = xasprintf("%s/run/name", folder);

	write_in_child(s, 0);
	assert_int_equal(record_check(s, "name", &err), 0); /* the child is dead */
	assert_int_equal(record_write(s, "name", &err), 0);
	assert_int_equal(record_write(s, "name", &err), 0); /* we again */
	write_in_child(s, 1);
	assert_int_equal(record_check(s, "name", &err), -1);
	assert_int_equal(err.code, EBUSY);
	assert_int_equal(record_find(s, "name"), 0); /* we are in no container */
	record_remove(s, "name");
	assert_int_equal(access(file, F_OK), 0); /* we live */

	FILE *f = fopen(file, "we"); /* our PID, of an earlier life */
	fprintf(f, "%d 1\n", getpid());
	fclose(f);
	error_clear(&err);
	assert_int_equal(record_check(s, "name", &err), 0);
	record_remove(s, "name");
	assert_int_equal(access(file, F_OK), -1);

	assert_int_equal(symlink("/etc/passwd", file), 0);
	assert_int_equal(record_write(s, "name", &err), -1);
	unlink(file);
	settings_free(s);
	_cleanup_free_ char *run = xasprintf("%s/run", folder);
	assert_int_equal(rmdir(run), 0);
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_stat),
		cmocka_unit_test(test_life),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
