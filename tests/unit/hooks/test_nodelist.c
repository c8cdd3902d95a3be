#include "../unit.h"

#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "hooks/gpu/nodelist.h"

static const struct {
	const char *list, *want; /* NULL: malformed */
} rows[] = {
	{ "node", "node " },
	{ "a,b", "a b " },
	{ "node[1-3,7]", "node1 node2 node3 node7 " },
	{ "node[08-11]", "node08 node09 node10 node11 " },
	{ "node[001-002,10]-ib", "node001-ib node002-ib node10-ib " },
	{ "login,n[1-2],x3", "login n1 n2 x3 " },
	{ "r[0-1]n[1-2]", "r0n1 r0n2 r1n1 r1n2 " },
	{ "r[0-1]n[1-2],z", "r0n1 r0n2 r1n1 r1n2 z " },
	{ "[1-2]", "1 2 " },
	{ "n[5]", "n5 " },
	{ "n[99-101]", "n99 n100 n101 " },
	{ "", NULL },
	{ "a,", NULL },
	{ ",a", NULL },
	{ "n[", NULL },
	{ "n]", NULL },
	{ "n[]", NULL },
	{ "n[1", NULL },
	{ "n[1,]", NULL },
	{ "n[,1]", NULL },
	{ "n[2-1]", NULL },
	{ "n[a]", NULL },
	{ "n[1-]", NULL },
	{ "n[-1]", NULL },
	{ "n[1-2-3]", NULL },
	{ "n[99999999999]", NULL },
	{ "n[1][1][1][1][1][1][1][1][1]", NULL },
};

static void test_expansion(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_strv_ struct strv names = STRV_INIT;
		_cleanup_error_ struct error err = ERROR_INIT;
		struct buffer text _cleanup_buffer_ = BUFFER_INIT;
		int r = nodelist_expand(&names, rows[i].list, 1000, &err);
		if (r != (rows[i].want == NULL ? -1 : 0))
			fail_msg("%s", rows[i].list);
		if (rows[i].want == NULL)
			continue;
		for (size_t n = 0; n < names.count; n++)
			buffer_printf(&text, "%s ", names.items[n]);
		assert_string_equal(text.data, rows[i].want);
	}
}

/* No more work than what is asked for. */
static void test_limit(void **state)
{
	_cleanup_strv_ struct strv names = STRV_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	assert_int_equal(nodelist_expand(&names, "n[0-999999999]m[0-999999999],b", 1, &err), 0);
	assert_int_equal(names.count, 1);
	assert_string_equal(names.items[0], "n0m0");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_expansion), cmocka_unit_test(test_limit) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
