/* Sparse files in tar, and maps that lie. */
#include "described.h"

static void old_gnu_sparse(void **state)
{
	struct buffer b = BUFFER_INIT;
	tar_header(&b, 'S', "s", NULL, 6, 0644, 0);
	char *h = last_header(&b);
	memcpy(h + 257, "ustar  ", 8);
	for (unsigned i = 0; i < 4; i++)
		snprintf(h + 386 + 24 * i, 24, "%011o%c%011o", 1 + 3 * i, ' ', 1u);
	h[482] = 1;
	memcpy(h + 483, "00000000024", 12); /* 20 bytes */
	tar_fix_checksum(h);
	char extension[512] = { 0 };
	snprintf(extension, 24, "%011o%c%011o", 14u, ' ', 2u);
	buffer_append(&b, extension, 512);
	tar_body(&b, "abcdef", 6);
	tar_header(&b, '0', "next", NULL, 0, 0644, 0);
	tar_end(&b);
	expect(&b, "s:f:20:644:0=.a..b..c..d...ef.... next:f:0:644:0=");
}

static void pax_sparse_formats(void **state)
{
	struct buffer b = BUFFER_INIT;
	PAX(&b, "GNU.sparse.size=10", "GNU.sparse.numblocks=2", "GNU.sparse.offset=1",
		"GNU.sparse.numbytes=2", "GNU.sparse.offset=8", "GNU.sparse.numbytes=1");
	tar_header(&b, '0', "v00", NULL, 3, 0644, 0);
	tar_body(&b, "abc", 3);
	PAX(&b, "GNU.sparse.size=10", "GNU.sparse.numblocks=2", "GNU.sparse.map=1,2,8,1",
		"GNU.sparse.name=v01", "path=./GNUSparseFile.0/v01");
	tar_header(&b, '0', "x", NULL, 3, 0644, 0);
	tar_body(&b, "abc", 3);
	PAX(&b, "GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.realsize=10", "GNU.sparse.name=v10");
	tar_header(&b, '0', "x", NULL, 512 + 3, 0644, 0);
	char map[512] = "2\n1\n2\n8\n1\n";
	tar_body(&b, map, 512);
	tar_body(&b, "abc", 3);
	tar_header(&b, '0', "next", NULL, 0, 0644, 0);
	tar_end(&b);
	expect(&b, "v00:f:10:644:0=.ab.....c. v01:f:10:644:0=.ab.....c. v10:f:10:644:0=.ab.....c. "
		   "next:f:0:644:0=");
}

static void sparse_maps_that_lie(void **state)
{
	static const struct {
		const char *size, *map, *want;
	} rows[] = {
		{ "GNU.sparse.size=10", "GNU.sparse.map=1,2,8,2", "the pieces are 4 bytes, the data 3" },
		{ "GNU.sparse.size=10", "GNU.sparse.map=1,2", "the pieces are 2 bytes, the data 3" },
		{ "GNU.sparse.size=10", "GNU.sparse.map=8,3", "ends behind the file" },
		{ "GNU.sparse.size=10", "GNU.sparse.map=5,1,2,2", "overlaps" },
		{ "GNU.sparse.size=10", "GNU.sparse.map=9223372036854775807,3", "ends behind the file" },
		{ "GNU.sparse.size=10", "GNU.sparse.map=1,2,8", "bad value of GNU.sparse.map" },
		{ "GNU.sparse.size=10", "GNU.sparse.map=1,,2", "bad value of GNU.sparse.map" },
		{ "GNU.sparse.size=-1", "GNU.sparse.map=0,3", "bad value of GNU.sparse.size" },
		{ "GNU.sparse.size=9223372036854775807", "GNU.sparse.map=0,3", "without a sane size" },
		{ "comment=no size", "GNU.sparse.map=0,3", "without a sane size" },
		{ "GNU.sparse.size=10", "GNU.sparse.numbytes=3", "bad value of GNU.sparse.numbytes" },
		{ "GNU.sparse.offset=3", "GNU.sparse.offset=3", "bad value of GNU.sparse.offset" },
		{ "GNU.sparse.size=3", "GNU.sparse.offset=0", "without GNU.sparse.numbytes" },
		{ "GNU.sparse.size=3", "GNU.sparse.minor=7", "unknown sparse format 0.7" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct buffer b = BUFFER_INIT;
		PAX(&b, rows[i].size, rows[i].map);
		tar_header(&b, '0', "f", NULL, 3, 0644, 0);
		tar_body(&b, "abc", 3);
		tar_end(&b);
		expect_error(&b, rows[i].want);
	}
}

static void bad_maps_in_data(void **state)
{
	static const struct {
		const char *map;
		unsigned size;
		const char *want;
	} rows[] = {
		{ "2\n0\n1\n", 512, "bad or too long" },
		{ "x\n", 512, "bad number" },
		{ "99999999999999999999999999\n", 512, "bad or too long" },
		{ "1\n0\n5\n", 6, "longer than the data" },
		{ "1\n0\n5\n", 4, "bad or too long" },
		{ "1\n0\n5\n", 512, "the pieces are 5 bytes, the data 0" },
		{ "9223372036854775807\n0\n0\n", 512, "bad or too long" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct buffer b = BUFFER_INIT;
		char block[512] = { 0 };
		PAX(&b, "GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.realsize=10");
		tar_header(&b, '0', "f", NULL, rows[i].size, 0644, 0);
		memcpy(block, rows[i].map, strlen(rows[i].map));
		buffer_append(&b, block, 512);
		tar_end(&b);
		expect_error(&b, rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(old_gnu_sparse),
		cmocka_unit_test(pax_sparse_formats),
		cmocka_unit_test(sparse_maps_that_lie),
		cmocka_unit_test(bad_maps_in_data),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
