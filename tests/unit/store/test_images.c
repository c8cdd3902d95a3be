#include "../unit.h"

#include <unistd.h>

#include "base/memory.h"
#include "store/images_private.h"

#define OTHER 4242u

/* Whose images are used: nobody can look into them. */
static const struct {
	const char *trust;
	unsigned uid;
	mode_t mode;
	bool want;
} rows[] = {
	{ NULL, 0, 0640, true },
	{ NULL, OTHER, 0640, false },
	{ "", OTHER, 0640, false },
	{ "4242", OTHER, 0640, true },
	{ " 17,\t4242 ", OTHER, 0640, true },
	{ "17,42", OTHER, 0640, false },
	{ "42420", OTHER, 0640, false },
	{ "-4242", OTHER, 0640, false },
	{ "svc4242", OTHER, 0640, false },
	{ "4242x", OTHER, 0640, false },
	{ "18446744073709555858", OTHER, 0640, false }, /* 2^64 and 4242 */
	{ "4294971538", OTHER, 0640, false },           /* 2^32 and 4242 */
	{ "4242", OTHER, 0660, true },
	{ "4242", OTHER, 0646, false },
	{ NULL, 0, 0666, false },
};

static void only_those_who_are_named_are_trusted(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct image_cache c = { .trust = rows[i].trust };
		struct stat st = { .st_uid = rows[i].uid, .st_mode = S_IFREG | rows[i].mode };
		if (image_cache_trusts(&c, &st) != rows[i].want)
			fail_msg("row %zu", i);
	}
	struct stat own = { .st_uid = geteuid(), .st_mode = S_IFREG | 0600 };
	assert_true(image_cache_trusts(&(struct image_cache){ 0 }, &own));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_those_who_are_named_are_trusted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
