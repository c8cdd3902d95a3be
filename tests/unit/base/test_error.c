#include "../unit.h"

#include <errno.h>

#include "base/error.h"

static void message_grows_outwards(void **state)
{
	(void)state;
	_cleanup_error_ struct error err = ERROR_INIT;
	errno = ENOENT;
	assert_int_equal(error_errno(&err, "cannot open %s", "x"), -1);
	error_prefix(&err, "%s:%u", "fstab", 3);
	assert_string_equal(err.message, "fstab:3: cannot open x: No such file or directory");
	assert_int_equal(err.code, ENOENT);
}

static void first_hint_wins(void **state)
{
	(void)state;
	_cleanup_error_ struct error err = ERROR_INIT;
	error_set(&err, 0, "failed");
	error_hint(&err, "inner");
	error_hint(&err, "outer");
	assert_string_equal(err.hint, "inner");
	assert_int_equal(err.code, EINVAL);
}

static void an_argument_may_be_the_old_message(void **state)
{
	(void)state;
	_cleanup_error_ struct error err = ERROR_INIT;
	error_set(&err, EIO, "inner");
	error_set(&err, EIO, "outer (%s)", err.message);
	assert_string_equal(err.message, "outer (inner)");
}

static void move_empties_the_source(void **state)
{
	(void)state;
	_cleanup_error_ struct error a = ERROR_INIT, b = ERROR_INIT;
	error_set(&b, EIO, "b");
	error_move(&a, &b);
	assert_string_equal(a.message, "b");
	assert_false(error_is_set(&b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(message_grows_outwards),
		cmocka_unit_test(first_hint_wins),
		cmocka_unit_test(an_argument_may_be_the_old_message),
		cmocka_unit_test(move_empties_the_source),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
