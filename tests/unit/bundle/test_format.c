#include "../unit.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "bundle/format.h"

static const struct bundle_layout good = {
	.image_offset = 8192,
	.image_bytes = 10000,
	.config_offset = 20480,
	.config_bytes = 4096,
	.flags = BUNDLE_HAS_CHECKSUM,
	.sha256 = { 1, 2, 3 },
};
#define SIZE (24576 + BUNDLE_TRAILER_SIZE)

static void test_round_trip(void **state)
{
	(void)state;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct bundle_trailer t;
	struct bundle_layout l;
	bundle_trailer_format(&good, &t);
	assert_int_equal(bundle_trailer_parse(&t, SIZE, &l, &err), 0);
	assert_int_equal(l.image_offset, good.image_offset);
	assert_int_equal(l.image_bytes, good.image_bytes);
	assert_int_equal(l.config_offset, good.config_offset);
	assert_int_equal(l.config_bytes, good.config_bytes);
	assert_int_equal(l.trailer_offset, 24576);
	assert_int_equal(l.flags, good.flags);
	assert_memory_equal(l.sha256, good.sha256, sizeof(l.sha256));
}

static void test_refusals(void **state)
{
	(void)state;
	static const struct bundle_layout rows[] = {
		{ .image_offset = 0,
			.image_bytes = 1,
			.config_offset = 4096,
			.config_bytes = 1 }, /* no runtime */
		{ .image_offset = 4097,
			.image_bytes = 1,
			.config_offset = 8192,
			.config_bytes = 1 }, /* not aligned */
		{ .image_offset = 4096, .image_bytes = 30000, .config_offset = 8192, .config_bytes = 1 },
		{ .image_offset = 4096, .image_bytes = UINT64_MAX, .config_offset = 8192, .config_bytes = 1 },
		{ .image_offset = 4096,
			.image_bytes = 8192,
			.config_offset = 8192,
			.config_bytes = 1 }, /* overlap */
		{ .image_offset = 4096, .image_bytes = 1, .config_offset = 8192, .config_bytes = 20000 },
		{ .image_offset = 4096,
			.image_bytes = 1,
			.config_offset = UINT64_MAX - 4095,
			.config_bytes = 1 },
		{ .image_offset = UINT64_MAX - 4095,
			.image_bytes = 8192,
			.config_offset = 8192,
			.config_bytes = 1 },
	};
	struct bundle_trailer t;
	struct bundle_layout l;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		bundle_trailer_format(&rows[i], &t);
		if (bundle_trailer_parse(&t, SIZE, &l, &err) == 0)
			fail_msg("row %zu", i);
	}
	_cleanup_error_ struct error err = ERROR_INIT;
	bundle_trailer_format(&good, &t);
	assert_int_equal(bundle_trailer_parse(&t, 100, &l, &err), -1);
	t.version = 2;
	assert_int_equal(bundle_trailer_parse(&t, SIZE, &l, &err), -1);
	bundle_trailer_format(&good, &t);
	t.magic[3] ^= 1;
	assert_int_equal(bundle_trailer_parse(&t, SIZE, &l, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_refusals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
