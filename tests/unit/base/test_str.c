#include "../unit.h"

#include "base/memory.h"
#include "base/paths.h"
#include "base/str.h"
#include "base/strv.h"

static void sizes(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool ok;
		uint64_t want;
	} rows[] = {
		{ "0", true, 0 },
		{ "128K", true, 131072 },
		{ "1m", true, 1048576 },
		{ "2T", true, 2199023255552 },
		{ "", false, 0 },
		{ "-1", false, 0 },
		{ " 1", false, 0 },
		{ "1KB", false, 0 },
		{ "1x", false, 0 },
		{ "18446744073709551615", true, UINT64_MAX },
		{ "18446744073709551616", false, 0 },
		{ "18446744073709551615K", false, 0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t got = 0;
		assert_int_equal(str_parse_size(rows[i].text, &got), rows[i].ok);
		if (rows[i].ok)
			assert_int_equal(got, rows[i].want);
	}
}

static void bytes_for_people(void **state)
{
	(void)state;
	assert_string_equal(str_bytes(1023), "1023 B");
	assert_string_equal(str_bytes(1536), "1.5 KiB");
	assert_string_equal(str_bytes(UINT64_MAX), "16.0 EiB");
}

static void environment_lists(void **state)
{
	(void)state;
	_cleanup_strv_ struct strv env = STRV_INIT;
	strv_env_set(&env, "A", "1");
	strv_env_set(&env, "AB", "2");
	strv_env_set(&env, "A", "3");
	assert_int_equal(env.count, 2);
	assert_string_equal(strv_env_get(&env, "A"), "3");
	assert_null(strv_env_get(&env, "B"));
	strv_env_unset(&env, "A");
	assert_int_equal(env.count, 1);
	assert_string_equal(env.items[0], "AB=2");
	assert_null(env.items[1]);
}

static void what_controls_a_terminal_is_not_printed(void **state)
{
	(void)state;
	char text[] = "a\t\033[2J\177\302\265\n";
	str_make_printable(text);
	assert_string_equal(text, "a??[2J?\302\265?");
}

static void path_parts(void **state)
{
	(void)state;
	static const char *const rows[][2] = { { "a/b", "b" }, { "/a/b//", "b" }, { "a", "a" },
		{ "/", "/" } };
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *got = path_basename(rows[i][0]);
		assert_string_equal(got, rows[i][1]);
	}
	static const char *const parents[][3] = { { "a/b", "a", "b" }, { "/b", "/", "b" }, { "b", ".", "b" },
		{ "/", "/", "" }, { "/a/b/", "/a/b", "" } };
	for (size_t i = 0; i < ARRAY_SIZE(parents); i++) {
		_cleanup_free_ char *got = path_dirname(parents[i][0]);
		assert_string_equal(got, parents[i][1]);
		assert_string_equal(path_last(parents[i][0]), parents[i][2]);
	}
	_cleanup_free_ char *joined = path_join("/a//", "/b");
	assert_string_equal(joined, "/a/b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(bytes_for_people),
		cmocka_unit_test(environment_lists),
		cmocka_unit_test(what_controls_a_terminal_is_not_printed),
		cmocka_unit_test(path_parts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
