#include "../unit.h"

#include <stdlib.h>

#include "sandbox/passwd.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/bash\n"
			     "short:x:1000\n"
			     ":x:1000:1000:no name:/:/bin/sh\n"
			     "signed:x:+1000:1000::/:/bin/sh\n"
			     "user:x:1000:1001:A User,,,:/home/user:/bin/zsh\n"
			     "again:x:1000:1::/:/bin/sh\n"
			     "last:x:1002:1002::/:";

static void test_find_uid(void **state)
{
	(void)state;
	_cleanup_user_ struct user u = USER_INIT;
	assert_true(passwd_find_uid(passwd, 1000, &u));
	assert_string_equal(u.name, "user");
	assert_string_equal(u.gecos, "A User,,,");
	assert_string_equal(u.home, "/home/user");
	assert_string_equal(u.shell, "/bin/zsh");
	assert_int_equal(u.gid, 1001);
}

static void test_last_line(void **state)
{
	(void)state;
	_cleanup_user_ struct user u = USER_INIT;
	assert_true(passwd_find_uid(passwd, 1002, &u));
	assert_string_equal(u.name, "last");
	assert_string_equal(u.shell, "");
}

static void test_not_there(void **state)
{
	(void)state;
	_cleanup_user_ struct user u = USER_INIT;
	assert_false(passwd_find_uid(passwd, 77, &u));
	assert_false(passwd_find_uid("", 0, &u));
	assert_null(u.name);
}

static void test_group(void **state)
{
	(void)state;
	static const char text[] = "broken:x:5\n:x:5:\nwheel:x:5:a,b\nother:x:5:\n";
	char *name = group_find_gid(text, 5);
	assert_string_equal(name, "wheel");
	free(name);
	assert_null(group_find_gid(text, 6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find_uid),
		cmocka_unit_test(test_last_line),
		cmocka_unit_test(test_not_there),
		cmocka_unit_test(test_group),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
