/* Errors come back from a child as they were, and nothing of it stays. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit.h"
#include "base/memory.h"
#include "doctor/attempt.h"

static int touched;

static int succeed(void *arg, struct error *err)
{
	(void)err;
	*(int *)arg = 1;
	return 0;
}

static int refuse(void *arg, struct error *err)
{
	(void)arg;
	error_set(err, EPERM, "cannot do it");
	return error_hint(err, "do it differently");
}

static int fail_silently(void *arg, struct error *err)
{
	(void)arg;
	(void)err;
	return -1;
}

static int fail_at_length(void *arg, struct error *err)
{
	(void)arg;
	char text[8192];
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	error_set(err, ENAMETOOLONG, "%s", text);
	return error_hint(err, "%s", text);
}

static int die(void *arg, struct error *err)
{
	(void)arg;
	(void)err;
	raise(SIGKILL);
	return 0;
}

/* Its end of the pipe is closed, but it lives on. */
static int get_stuck(void *arg, struct error *err)
{
	(void)arg;
	(void)err;
	for (int fd = STDERR_FILENO + 1; fd < 100; fd++)
		close(fd);
	return pause();
}

static int nest(void *arg, struct error *err)
{
	return attempt(refuse, arg, err);
}

static void test_success(void **state)
{
	(void)state;
	_cleanup_error_ struct error err = ERROR_INIT;
	touched = 0;
	assert_int_equal(attempt(succeed, &touched, &err), 0);
	assert_int_equal(touched, 0); /* another process */
	assert_false(error_is_set(&err));
}

static void test_failures(void **state)
{
	(void)state;
	static const struct {
		int (*fn)(void *arg, struct error *err);
		int code;
		const char *message, *hint;
	} rows[] = {
		{ refuse, EPERM, "cannot do it", "do it differently" },
		{ nest, EPERM, "cannot do it", "do it differently" },
		{ fail_silently, EINVAL, "it failed", NULL },
		{ get_stuck, ECHILD, "the process that tried it died", NULL },
		{ die, ECHILD, "the process that tried it died", NULL },
	};
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		assert_int_equal(attempt(rows[i].fn, NULL, &err), -1);
		assert_int_equal(err.code, rows[i].code);
		assert_string_equal(err.message, rows[i].message);
		if (rows[i].hint != NULL)
			assert_string_equal(err.hint, rows[i].hint);
		else
			assert_null(err.hint);
	}
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
}

static void test_long_messages(void **state)
{
	(void)state;
	_cleanup_error_ struct error err = ERROR_INIT;
	assert_int_equal(attempt(fail_at_length, NULL, &err), -1);
	assert_int_equal(err.code, ENAMETOOLONG);
	assert_int_equal(strlen(err.message), 2047); /* cut off */
	assert_int_equal(strlen(err.hint), 2047);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_success),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_long_messages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
