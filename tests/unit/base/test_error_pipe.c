/* Errors through a pipe: whole, cut off, or none. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../unit.h"
#include "base/error_pipe.h"
#include "base/memory.h"

static int receive(const void *data, size_t len, bool keep_open, struct error *err)
{
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	if (len > 0)
		assert_int_equal(write(ends[1], data, len), len);
	if (!keep_open)
		close(ends[1]);
	int r = error_receive(ends[0], 50, err);
	close(ends[0]);
	if (keep_open)
		close(ends[1]);
	return r;
}

static int pass(const struct error *sent, struct error *err)
{
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	error_send(ends[1], sent);
	close(ends[1]);
	int r = error_receive(ends[0], -1, err);
	close(ends[0]);
	return r;
}

static void test_whole(void **state)
{
	(void)state;
	struct error sent _cleanup_error_ = ERROR_INIT, err _cleanup_error_ = ERROR_INIT;
	assert_int_equal(pass(&sent, &err), 0);
	error_set(&sent, EPERM, "no");
	assert_int_equal(pass(&sent, &err), -1);
	assert_int_equal(err.code, EPERM);
	assert_string_equal(err.message, "no");
	assert_null(err.hint);
	error_hint(&sent, "ask");
	error_clear(&err);
	assert_int_equal(pass(&sent, &err), -1);
	assert_string_equal(err.hint, "ask");
}

static void test_cut_off(void **state)
{
	(void)state;
	struct error sent _cleanup_error_ = ERROR_INIT, err _cleanup_error_ = ERROR_INIT;
	char text[5000];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	error_set(&sent, ENOENT, "%s", text);
	error_hint(&sent, "%s", text);
	assert_int_equal(pass(&sent, &err), -1);
	assert_int_equal(strlen(err.message), 2047);
	assert_int_equal(strlen(err.hint), 2047);
}

static void test_none(void **state)
{
	(void)state;
	struct error err _cleanup_error_ = ERROR_INIT;
	assert_int_equal(receive("", 0, false, &err), 1);
	assert_int_equal(receive("", 0, true, &err), -1);
	assert_int_equal(err.code, ETIMEDOUT);
	/* A writer that died in the middle. */
	error_clear(&err);
	assert_int_equal(receive("\1\0\0\0abc", 7, false, &err), -1);
	assert_int_equal(err.code, 1);
	assert_string_equal(err.message, "abc");
	assert_null(err.hint);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
