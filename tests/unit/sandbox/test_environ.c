#include "../unit.h"

#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "sandbox/environ.h"

static char *host[] = { "HOME=/home/me", "DISPLAY=:0", "EMPTY=", "QUOTED=\"q\"", "LINES=a\nEVIL=1", NULL };

static void check(const struct strv *env, const char *want, const char *what)
{
	_cleanup_free_ char *got = environ_format(env);
	if (!str_eq(got, want))
		fail_msg("%s\ngave\n%s\ninstead of\n%s", what, got, want);
}

static void lines_of_files(void **state)
{
	(void)state;
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "A=1\n", "A=1\n" },
		{ "A=1", "A=1\n" },
		{ "", "" },
		{ "\n\n", "" },
		{ "  A=1\n\tB=2\n", "A=1\nB=2\n" },
		{ "# A=1\n  # B=2\n", "" },
		{ "A=1 # no comment\n", "A=1 # no comment\n" },
		{ "export A=1\n", "" },
		{ "A\n", "" },
		{ "=1\n", "" },
		{ "1A=1\n", "" },
		{ "A B=1\n", "" },
		{ "A =1\n", "" },
		{ "A-B=1\n", "" },
		{ "_a1=x\n", "_a1=x\n" },
		{ "A=\n", "A=\n" },
		{ "A=b=c\n", "A=b=c\n" },
		{ "A=1\nA=2\nB=3\n", "A=2\nB=3\n" },
		{ "A=\"x y\"\n", "A=x y\n" },
		{ "A='x y'\n", "A=x y\n" },
		{ "A=\"x'\n", "A=x\n" },
		{ "A=\"x\"  \n", "A=x\n" },
		{ "A=x  \n", "A=x  \n" },
		{ "A= \"x\"\n", "A= \"x\"\n" },
		{ "A=\"\"\n", "A=\n" },
		{ "A=\"\n", "A=\"\n" },
		{ "A=\"x\n", "A=\"x\n" },
		{ "A=a\\nb\n", "A=a\\nb\n" },
		{ "A=\"a\\\"b\"\n", "A=a\\\"b\n" },
		{ "ENROOT_X=1\nENROOT_ROOTFS=/\nENROOTX=2\n", "ENROOTX=2\n" },
		{ "A=${DISPLAY}\n", "A=:0\n" },
		{ "A=\"${HOME}/x\"\n", "A=/home/me/x\n" },
		{ "A=$DISPLAY\n", "A=$DISPLAY\n" },
		{ "A=${UNSET}\n", "A=\n" },
		{ "A=${EMPTY}x\n", "A=x\n" },
		{ "A=${A-b}${\n", "A=${A-b}${\n" },
		{ "A=${}\n", "A=${}\n" },
		{ "A=${DISPLAY\n", "A=${DISPLAY\n" },
		{ "A=$${DISPLAY}\n", "A=$:0\n" },
		{ "A=${LINES}\nB=1\n", "B=1\n" }, /* a newline of the host's never adds a line */
		{ "A=1\r\n", "A=1\r\n" },
		{ "A=\"1\"\r\n", "A=1\n" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_strv_ struct strv env = STRV_INIT;
		environ_parse_file(&env, rows[i].text, strlen(rows[i].text), host);
		check(&env, rows[i].want, rows[i].text);
	}
}

static void literal_sections_are_taken_byte_for_byte(void **state)
{
	(void)state;
	static const char text[] = "A=${HOME}\n"
				   "# enroot-literal-begin\n"
				   "B=${HOME}\n"
				   "C=\"q\"\n"
				   "D=x  \n"
				   " E=1\n"
				   "# comment\n"
				   "1F=2\n"
				   "ENROOT_G=1\n"
				   "H=a=b\n"
				   "# enroot-literal-end\n"
				   "I=\"${HOME}\"\n"
				   " # enroot-literal-begin\n"
				   "J=${HOME}\n";
	_cleanup_strv_ struct strv env = STRV_INIT;
	environ_parse_file(&env, text, strlen(text), host);
	check(&env, "A=/home/me\nB=${HOME}\nC=\"q\"\nD=x  \nH=a=b\nI=/home/me\nJ=/home/me\n", "literal");
}

static void output_of_programs_is_not_expanded(void **state)
{
	(void)state;
	static const char text[] = "A=${HOME}\nB='q'\nBASH_FUNC_x%%=() { echo\nC=1\n}\nD=x\n}=1\nENROOT_E=1\n"
				   "# enroot-literal-begin\nF='q'\n";
	_cleanup_strv_ struct strv env = STRV_INIT;
	environ_parse_output(&env, text, strlen(text), NULL);
	check(&env, "A=${HOME}\nB=q\nC=1\nD=x\nF=q\n", "output");
}

static void values_with_newlines_add_no_variables(void **state)
{
	(void)state;
	char *const of_program[] = { "A=1\nEVIL=2", "B=x\ny=z\n", "BASH_FUNC_f%%=() {  C=3\n}", "D=4", NULL };
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "A=1\nEVIL=2\nD=4\n", "D=4\n" }, { "A=1\nEVIL=2", "" }, { "B=x\ny=z\n\nD=4\n", "D=4\n" },
		{ "BASH_FUNC_f%%=() {  C=3\n}\nD=4\n", "D=4\n" },
		{ "A=1\nD=4\n", "A=1\nD=4\n" },                    /* printed by itself */
		{ "A=1\nEVIL=20\n", "A=1\nEVIL=20\n" },            /* not that value */
		{ "Z=1\nEVIL=2\n", "Z=1\nEVIL=2\n" },              /* no such variable */
		{ "A=1\nEVIL=2\nA=5\nEVIL=6\n", "A=5\nEVIL=6\n" }, /* set on purpose later */
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_strv_ struct strv env = STRV_INIT;
		environ_parse_output(&env, rows[i].text, strlen(rows[i].text), of_program);
		check(&env, rows[i].want, rows[i].text);
	}
}

static void later_files_win(void **state)
{
	(void)state;
	_cleanup_strv_ struct strv env = STRV_INIT;
	environ_parse_file(&env, "A=1\nB=2\n", 8, host);
	environ_parse_file(&env, "A=3\n", 4, host);
	assert_string_equal(strv_env_get(&env, "A"), "3");
	assert_string_equal(strv_env_get(&env, "B"), "2");
	assert_int_equal(env.count, 2);
}

static void a_nul_byte_voids_its_line(void **state)
{
	(void)state;
	_cleanup_strv_ struct strv env = STRV_INIT;
	environ_parse_file(&env, "A=x\0y\nB=1\n", 10, host);
	check(&env, "B=1\n", "NUL");
}

static void options(void **state)
{
	(void)state;
	static const struct {
		const char *option, *want; /* NULL: an error */
	} rows[] = {
		{ "A=1", "A=1\n" },
		{ "DISPLAY", "DISPLAY=:0\n" },
		{ "UNSET", "UNSET=\n" },
		{ "EMPTY", "EMPTY=\n" },
		{ "A=", "A=\n" },
		{ "A=${HOME}", "A=${HOME}\n" },
		{ "A=\"x y\"", "A=x y\n" },
		{ "A='x\"", "A=x\n" },
		{ "A=x\nB=1", "" },
		{ "LINES", "" },
		{ "ENROOT_X=1", "" },
		{ "1A=1", NULL },
		{ "A B", NULL },
		{ "=x", NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_strv_ struct strv env = STRV_INIT;
		_cleanup_error_ struct error err = ERROR_INIT;
		int r = environ_add_option(&env, rows[i].option, host, &err);
		assert_int_equal(r, rows[i].want == NULL ? -1 : 0);
		if (r == 0)
			check(&env, rows[i].want, rows[i].option);
		else
			assert_true(str_starts_with(err.message, "Invalid argument: "));
	}
}

/* 300,000 lines: replacing line by line would take minutes. */
static void many_lines(void **state)
{
	(void)state;
	size_t count = 300000;
	char *text = xmalloc(count * 16), *p = text;
	for (size_t i = 0; i < count; i++)
		p += sprintf(p, "K%zu=%zu\n", i % 100000, i);
	_cleanup_strv_ struct strv env = STRV_INIT;
	environ_parse_file(&env, text, (size_t)(p - text), host);
	free(text);
	assert_int_equal(env.count, 100000);
	assert_string_equal(strv_env_get(&env, "K7"), "200007");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_files),
		cmocka_unit_test(literal_sections_are_taken_byte_for_byte),
		cmocka_unit_test(output_of_programs_is_not_expanded),
		cmocka_unit_test(values_with_newlines_add_no_variables),
		cmocka_unit_test(later_files_win),
		cmocka_unit_test(a_nul_byte_voids_its_line),
		cmocka_unit_test(options),
		cmocka_unit_test(many_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
