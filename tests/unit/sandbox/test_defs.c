#include "../unit.h"

#include "base/memory.h"
#include "sandbox/defs.h"

static const struct {
	const char *text;
	enum def key;
	const char *want; /* NULL: not given */
} rows[] = {
	{ "UMASK 022\n", DEF_UMASK, "022" },
	{ "  UMASK\t022  # why\n", DEF_UMASK, "022" },
	{ "#UMASK 022\n", DEF_UMASK, NULL },
	{ "UMASK 022", DEF_UMASK, "022" }, /* no newline at the end */
	{ "UMASK 022\nUMASK 077\n", DEF_UMASK, "077" },
	{ "ENV_PATH PATH=/bin:/usr/bin\n", DEF_ENV_PATH, "PATH=/bin:/usr/bin" },
	{ "ENV_PATH \"/bin\"\n", DEF_ENV_PATH, "/bin" },
	{ "SHELL=/bin/bash\n", DEF_SHELL, "/bin/bash" },
	{ "SHELL = '/bin/bash'\n", DEF_SHELL, "/bin/bash" },
	{ "MOTD_FILE /etc/motd:\\\n/run/motd\n", DEF_MOTD_FILE, "/etc/motd:/run/motd" },
	{ "# comment \\\nUMASK 027\n", DEF_UMASK, "027" }, /* a comment is not continued */
	{ "UMASKS 022\n", DEF_UMASK, NULL },
	{ "a[$(touch /tmp/x)] y\n", DEF_UMASK, NULL }, /* nothing is evaluated */
	{ "UMASK\n", DEF_UMASK, "" },
	{ "\\\n", DEF_UMASK, NULL },
	{ "\\", DEF_UMASK, NULL },
	{ "", DEF_UMASK, NULL },
};

static void test_values(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_defs_ struct defs d = DEFS_INIT;
		defs_parse(&d, rows[i].text);
		if (rows[i].want == NULL)
			assert_null(d.values[rows[i].key]);
		else
			assert_string_equal(d.values[rows[i].key], rows[i].want);
	}
}

static void test_types(void **state)
{
	(void)state;
	_cleanup_defs_ struct defs d = DEFS_INIT;
	defs_parse(&d, "UMASK 022\nULIMIT -1\nDEFAULT_HOME Yes\nCREATE_HOME no\nMAIL_CHECK_ENAB TRUE\n");
	long n = 0;
	assert_true(defs_number(&d, DEF_UMASK, &n));
	assert_int_equal(n, 022);
	assert_true(defs_number(&d, DEF_ULIMIT, &n));
	assert_int_equal(n, -1);
	assert_true(defs_is_true(&d, DEF_DEFAULT_HOME, false));
	assert_false(defs_is_true(&d, DEF_CREATE_HOME, true));
	assert_true(defs_is_true(&d, DEF_MAIL_CHECK_ENAB, false));
	assert_true(defs_is_true(&d, DEF_USERGROUPS_ENAB, true));
	assert_false(defs_number(&d, DEF_SKEL, &n));
}

static void test_bad_numbers(void **state)
{
	(void)state;
	static const char *const bad[] = { "UMASK x\n", "UMASK 08\n", "UMASK\n",
		"UMASK 99999999999999999999\n" };
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_defs_ struct defs d = DEFS_INIT;
		long n;
		defs_parse(&d, bad[i]);
		assert_false(defs_number(&d, DEF_UMASK, &n));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_bad_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
