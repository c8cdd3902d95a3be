/* Archives that are wrong. */
#include "described.h"

static void bad_pax_records(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *want;
	} rows[] = {
		{ "10 path=x\n", 9, "wrong record length" },
		{ "9 path=x\n", 9, NULL },
		{ "8 path=x\n", 9, "wrong record length" },
		{ "99999999999999999999 path=x\n", 28, "wrong record length" },
		{ "0 path=x\n", 9, "wrong record length" },
		{ "-1 path=x\n", 10, "wrong record length" },
		{ "4 x\n", 4, "without a key" },
		{ "5 =x\n", 5, "without a key" },
		{ "10 path=\0x\n", 11, "wrong record length" },
		{ "11 path=\0x\n", 11, "holds a NUL" },
		{ "11 pa\0h=xy\n", 11, "without a key" },
		{ "15 linkpath=a\0\n", 15, "holds a NUL" },
		{ "10 size=-1\n", 11, "wrong record length" },
		{ "11 size=-1\n", 11, "bad value of size" },
		{ "28 size=9223372036854775807\n", 28, "bad value of size" },
		{ "29 size=18446744073709551616\n", 29, "bad value of size" },
		{ "11 mtime=x\n", 11, "bad value of mtime" },
		{ "13 mtime=1.x\n", 13, "bad value of mtime" },
		{ "17 SCHILY.xattr.\n", 17, "without a key" },
		{ "18 SCHILY.xattr.=\n", 18, "without a name" },
		{ "\0", 1, "wrong record length" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct buffer b = BUFFER_INIT;
		tar_header(&b, 'x', "x", NULL, rows[i].len, 0644, 0);
		tar_body(&b, rows[i].text, rows[i].len);
		tar_header(&b, '0', "f", NULL, 0, 0644, 0);
		tar_end(&b);
		if (rows[i].want != NULL)
			expect_error(&b, rows[i].want);
		else
			expect(&b, "x:f:0:644:0=");
	}
}

static void bombs_are_refused_before_allocation(void **state)
{
	static const char types[] = "xgLK";
	for (const char *t = types; *t != '\0'; t++) {
		struct buffer b = BUFFER_INIT;
		tar_header(&b, *t, "x", NULL, 1ull << 30, 0644, 0);
		expect_error(&b, "of 1073741824 bytes; at most 1048576 are accepted");
	}
}

static void bad_headers(void **state)
{
	static const struct {
		unsigned at;
		const char *text;
		const char *want;
	} rows[] = {
		{ 124, "-0000000001", "bad number in the size field" },
		{ 124, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "impossible size -1" },
		{ 124, "\x80\x7f\xff\xff\x7f\xff\xff\xff\xff\xff\xff\xff", "bad number in the size field" },
		{ 100, "9", "bad number in the mode field" },
		{ 136, "z", "bad number in the mtime field" },
		{ 156, "Z", "unknown entry type 'Z'" },
		{ 156, "M", "unknown entry type 'M'" },
		{ 156, "S", "a sparse entry in an archive that is not GNU's" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct buffer b = BUFFER_INIT;
		tar_header(&b, '0', "f", NULL, 0, 0644, 0);
		memcpy(last_header(&b) + rows[i].at, rows[i].text, strlen(rows[i].text));
		tar_fix_checksum(last_header(&b));
		tar_end(&b);
		expect_error(&b, rows[i].want);
	}
	struct buffer b = BUFFER_INIT;
	tar_header(&b, '0', "f", NULL, 0, 0644, 0);
	last_header(&b)[0] = 'g';
	expect_error(&b, "wrong header checksum at offset 0: this is not a tar archive");
	/* Near 2^63: rounding up to a block must not wrap. */
	tar_header(&b, '0', "f", NULL, 0, 0644, 0);
	memcpy(last_header(&b) + 124, "\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", 12);
	tar_fix_checksum(last_header(&b));
	expect_error(&b, "impossible size");
}

static void links_have_no_data_whatever_they_say(void **state)
{
	struct buffer b = BUFFER_INIT;
	static const char types[] = "123456";
	for (const char *t = types; *t != '\0'; t++)
		tar_header(&b, *t, "n", "t", 4096, 0644, 0);
	tar_header(&b, '0', "f", NULL, 0, 0644, 0);
	tar_end(&b);
	expect(&b,
		"n:h:0:644:0->t n:l:0:644:0->t n:D:0:644:0 n:D:0:644:0 n:d:0:644:0 n:p:0:644:0 f:f:0:644:0=");
}

static void ends(void **state)
{
	struct buffer b = BUFFER_INIT;
	static const char zeros[512];
	tar_header(&b, '0', "f", NULL, 3, 0644, 0);
	tar_body(&b, "abc", 3);
	expect(&b, "f:f:3:644:0=abc"); /* no end mark */
	tar_header(&b, '0', "f", NULL, 3, 0644, 0);
	buffer_append(&b, "abc", 3);
	expect(&b, "f:f:3:644:0=abc"); /* cut padding */
	tar_header(&b, '0', "f", NULL, 0, 0644, 0);
	buffer_append(&b, zeros, 512);
	expect(&b, "f:f:0:644:0="); /* one zero block */
	tar_end(&b);
	buffer_append(&b, "garbage behind the end is only hashed", 37);
	expect(&b, "");
	tar_header(&b, '0', "f", NULL, 3, 0644, 0);
	buffer_append(&b, "ab", 2);
	expect_error(&b, "cut off inside the data of this entry (at offset 514)");
	tar_header(&b, '0', "f", NULL, 0, 0644, 0);
	b.len -= 1;
	expect_error(&b, "cut off inside a header (at offset 511)");
	buffer_append(&b, zeros, 512);
	tar_header(&b, '0', "f", NULL, 0, 0644, 0);
	expect_error(&b, "a lone zero block at offset 0");
	PAX(&b, "path=x");
	expect_error(&b, "ends after an extended header");
	PAX(&b, "path=x");
	tar_end(&b);
	expect_error(&b, "ends after an extended header");
	PAX(&b, "path=x");
	b.len -= 505;
	expect_error(&b, "cut off inside a pax header");
}

static void long_names_that_lie(void **state)
{
	struct buffer b = BUFFER_INIT;
	tar_header(&b, 'L', "L", NULL, 4, 0644, 0);
	tar_body(&b, "a\0b", 4);
	expect_error(&b, "GNU long name holds a NUL");
	tar_header(&b, 'L', "L", NULL, 0, 0644, 0);
	expect_error(&b, "empty GNU long name");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_pax_records),
		cmocka_unit_test(bombs_are_refused_before_allocation),
		cmocka_unit_test(bad_headers),
		cmocka_unit_test(links_have_no_data_whatever_they_say),
		cmocka_unit_test(ends),
		cmocka_unit_test(long_names_that_lie),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
