#include "../unit.h"

#include "base/memory.h"
#include "base/options.h"

struct parsed {
	bool flag;
	const char *name;
	struct strv list;
};

static enum options_result parse(struct parsed *p, char *const *words, int *operands)
{
	const struct option_spec specs[] = {
		{ 'f', "force", OPTION_FLAG, &p->flag },
		{ 'n', "name", OPTION_STRING, &p->name },
		{ 'e', "env", OPTION_LIST, &p->list },
	};
	int argc = 0;
	while (words[argc] != NULL)
		argc++;
	return options_parse(argc, (char **)words, specs, ARRAY_SIZE(specs), operands);
}

static void all_spellings(void **state)
{
	(void)state;
	char *words[] = { "cmd", "-e", "A=1", "--env=B=2", "--env", "C", "--name", "x", "-f", "op", "-n",
		NULL };
	struct parsed p = { 0 };
	int operands;
	assert_int_equal(parse(&p, words, &operands), OPTIONS_OK);
	assert_int_equal(operands, 9);
	assert_true(p.flag);
	assert_string_equal(p.name, "x");
	assert_int_equal(p.list.count, 3);
	assert_string_equal(p.list.items[1], "B=2");
	strv_cleanup(&p.list);
}

static void bad_lines_are_usage_errors(void **state)
{
	(void)state;
	char *rows[][4] = {
		{ "cmd", "-x", NULL },
		{ "cmd", "--nam=x", NULL },
		{ "cmd", "-n", NULL },
		{ "cmd", "-n", "", NULL },
		{ "cmd", "--name=", NULL },
		{ "cmd", "--force=1", NULL },
		{ "cmd", "-fn", "x", NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct parsed p = { 0 };
		int operands;
		assert_int_equal(parse(&p, rows[i], &operands), OPTIONS_USAGE);
		assert_int_equal(operands, 1);
	}
	char *second[] = { "cmd", "-f", "-x", "op", NULL };
	struct parsed p = { 0 };
	int wrong;
	assert_int_equal(parse(&p, second, &wrong), OPTIONS_USAGE);
	assert_int_equal(wrong, 2);
}

static void dashes_end_options(void **state)
{
	(void)state;
	char *words[] = { "cmd", "--", "-f", NULL };
	struct parsed p = { 0 };
	int operands;
	assert_int_equal(parse(&p, words, &operands), OPTIONS_OK);
	assert_int_equal(operands, 2);
	assert_false(p.flag);
}

static void help_is_no_error(void **state)
{
	(void)state;
	char *words[] = { "cmd", "-h", NULL };
	struct parsed p = { 0 };
	int operands;
	assert_int_equal(parse(&p, words, &operands), OPTIONS_HELP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_spellings),
		cmocka_unit_test(bad_lines_are_usage_errors),
		cmocka_unit_test(dashes_end_options),
		cmocka_unit_test(help_is_no_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
