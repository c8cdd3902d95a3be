#include "../unit.h"

#include "base/memory.h"
#include "store/places.h"

static const struct {
	struct cache_places places;
	const char *want; /* all of them */
} rows[] = {
	{ { "/own", NULL }, "/own" },
	{ { "/own", "" }, "/own" },
	{ { "/own", "/a:/b" }, "/own /a /b" },
	{ { "/own", ":/a::relative:./b:/c:" }, "/own /a /c" },
	{ { NULL, "/a" }, "/a" },
	{ { NULL, NULL }, "" },
	{ { "relative is fine here", "x" }, "relative is fine here" },
};

static void come_in_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct cache_places *p = &rows[i].places;
		_cleanup_free_ char *all = xstrdup("");
		char *place;
		for (size_t n = 0; (place = cache_place(p, n)) != NULL; n++) {
			char *more = xasprintf("%s%s%s", all, n > 0 ? " " : "", place);
			free(all);
			free(place);
			all = more;
			assert_int_equal(cache_place_is_own(p, n), n == 0 && p->own != NULL);
		}
		assert_string_equal(all, rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(come_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
