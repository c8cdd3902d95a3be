/* The formats of tar: old ones, ustar, pax, GNU. */
#include "described.h"

static void plain_entries(void **state)
{
	struct buffer b = BUFFER_INIT;
	const struct item items[] = { { '0', "a", "hello" }, { '5', "d/", 0, 0700 },
		{ '2', "l", "t", 0777, 5 }, { '1', "h", "a" }, { '6', "p" }, { '3', "c" }, { '4', "b" },
		{ '7', "7" }, { 0 } };
	tar_items(&b, items);
	expect(&b, "a:f:5:644:0=hello d/:d:0:700:0 l:l:0:777:5->t h:h:0:644:0->a p:p:0:644:0 c:D:0:644:0 "
		   "b:D:0:644:0 7:f:0:644:0=");
}

static void old_formats(void **state)
{
	struct buffer b = BUFFER_INIT;
	tar_header(&b, '\0', "v7", NULL, 2, 0644, 0);
	memset(last_header(&b) + 257, 0, 255);
	tar_fix_checksum(last_header(&b));
	tar_body(&b, "v7", 2);
	tar_header(&b, '\0', "v7dir/", NULL, 0, 0755, 0);
	tar_header(&b, '0', "file/", NULL, 0, 0755, 0); /* as the container tools see it */
	tar_end(&b);
	expect(&b, "v7:f:2:644:0=v7 v7dir/:d:0:755:0 file/:f:0:755:0=");
}

static void prefix_only_in_ustar(void **state)
{
	struct buffer b = BUFFER_INIT;
	tar_header(&b, '0', "name", NULL, 0, 0644, 0);
	memcpy(last_header(&b) + 345, "some/prefix", 11);
	tar_fix_checksum(last_header(&b));
	tar_header(&b, '0', "gnu", NULL, 0, 0644, 0);
	memcpy(last_header(&b) + 257, "ustar  ", 8);
	memcpy(last_header(&b) + 345, "01234567", 8); /* a time there */
	tar_fix_checksum(last_header(&b));
	tar_end(&b);
	expect(&b, "some/prefix/name:f:0:644:0= gnu:f:0:644:0=");
}

static void names_without_nul_end(void **state)
{
	struct buffer b = BUFFER_INIT;
	char name[101], prefix[156], want[300];
	memset(name, 'n', 100);
	memset(prefix, 'p', 155);
	name[100] = prefix[155] = '\0';
	tar_header(&b, '0', name, NULL, 0, 0644, 0);
	memcpy(last_header(&b) + 345, prefix, 155);
	tar_fix_checksum(last_header(&b));
	tar_end(&b);
	snprintf(want, sizeof(want), "%s/%s:f:0:644:0=", prefix, name);
	expect(&b, want);
}

static void signed_checksums(void **state)
{
	struct buffer b = BUFFER_INIT;
	tar_header(&b, '0', "\xff\xfe", NULL, 0, 0644, 0);
	char *h = last_header(&b);
	int sum = 0;
	memset(h + 148, ' ', 8);
	for (int i = 0; i < 512; i++)
		sum += (signed char)h[i];
	snprintf(h + 148, 8, "%06o", (unsigned)sum & 0777777);
	tar_end(&b);
	expect(&b, "\xff\xfe:f:0:644:0=");
}

static void numbers(void **state)
{
	static const struct {
		const char field[13];
		int len, rc;
		int64_t want;
	} rows[] = {
		{ "00000000644", 12, 0, 0644 },
		{ "   644 ", 8, 0, 0644 },
		{ "777777777777", 12, 0, 0777777777777 },
		{ "", 8, 0, 0 },
		{ "        ", 8, 0, 0 },
		{ "644x", 8, -1, 0 },
		{ "-644", 8, -1, 0 },
		{ "6 44", 8, -1, 0 },
		{ "8", 8, -1, 0 },
		{ "\x80\0\0\0\0\0\0\0\0\0\x01\x02", 12, 0, 258 },
		{ "\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", 12, 0, INT64_MAX },
		{ "\x80\0\0\0\x80\0\0\0\0\0\0\0", 12, -1, 0 },
		{ "\x80\0\0\x01\0\0\0\0\0\0\0\0", 12, -1, 0 },
		{ "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12, 0, -1 },
		{ "\xff\xff\xff\xff\x80\0\0\0\0\0\0\0", 12, 0, INT64_MIN },
		{ "\xff\xff\xff\xff\x7f\xff\xff\xff\xff\xff\xff\xff", 12, -1, 0 },
		{ "\xbf\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12, -1, 0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int64_t got = 0;
		assert_int_equal(tar_number(rows[i].field, (size_t)rows[i].len, &got), rows[i].rc);
		assert_int_equal(got, rows[i].want);
	}
	uint64_t v;
	assert_int_equal(tar_decimal("9223372036854775807", 19, &v), 0);
	assert_int_equal(v, INT64_MAX);
	assert_int_equal(tar_decimal("9223372036854775808", 19, &v), -1);
	assert_int_equal(tar_decimal("", 0, &v), -1);
	assert_int_equal(tar_decimal("+1", 2, &v), -1);
}

static void pax_overrides(void **state)
{
	struct buffer b = BUFFER_INIT;
	PAX(&b, "path=long/name", "mtime=1234.9", "size=3", "comment=x", "SCHILY.xattr.user.a=1",
		"SCHILY.xattr.user.a=2", "SCHILY.xattr.security.selinux=ctx", "hdrcharset=BINARY",
		"uid=99999999999");
	tar_header(&b, '0', "short", NULL, 99, 0644, 7);
	tar_body(&b, "abc", 3);
	PAX(&b, "linkpath=long/target", "path=");
	tar_header(&b, '2', "s", "t", 0, 0777, 7);
	tar_header(&b, '0', "plain", NULL, 0, 0644, 7); /* nothing is left over */
	tar_end(&b);
	expect(&b, "long/name:f:3:644:1234,user.a=2,security.selinux=ctx=abc s:l:0:777:7->long/target "
		   "plain:f:0:644:7=");
}

static void times_are_clamped(void **state)
{
	static const struct {
		const char *record;
		unsigned want;
	} rows[] = { { "mtime=-5", 0 }, { "mtime=-1.5", 0 }, { "mtime=4294967295", UINT32_MAX },
		{ "mtime=4294967296", UINT32_MAX }, { "mtime=9223372036854775807.999", UINT32_MAX },
		{ "mtime=0.", 0 } };
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct buffer b = BUFFER_INIT;
		char want[64];
		PAX(&b, rows[i].record);
		tar_header(&b, '0', "f", NULL, 0, 0644, 7);
		tar_end(&b);
		snprintf(want, sizeof(want), "f:f:0:644:%u=", rows[i].want);
		expect(&b, want);
	}
	struct buffer b = BUFFER_INIT;
	tar_header(&b, '0', "f", NULL, 0, 0644, 0);
	memset(last_header(&b) + 136, 0xff, 12); /* base-256: -1 */
	tar_fix_checksum(last_header(&b));
	tar_end(&b);
	expect(&b, "f:f:0:644:0=");
}

static void global_headers_are_checked_and_ignored(void **state)
{
	struct buffer b = BUFFER_INIT;
	tar_pax(&b, 'g', (const char *const[]){ "comment=1234", "path=evil", "size=77", NULL });
	tar_header(&b, '0', "f", NULL, 1, 0644, 0);
	tar_body(&b, "x", 1);
	tar_end(&b);
	expect(&b, "f:f:1:644:0=x");
	tar_header(&b, 'g', "g", NULL, 4, 0644, 0);
	tar_body(&b, "99 x", 4);
	expect_error(&b, "wrong record length");
}

static void gnu_long_names(void **state)
{
	struct buffer b = BUFFER_INIT;
	tar_header(&b, 'L', "././@LongLink", NULL, 10, 0, 0);
	tar_body(&b, "long/name", 10);
	tar_header(&b, 'K', "././@LongLink", NULL, 11, 0, 0);
	tar_body(&b, "long/target", 11);
	PAX(&b, "path=pax");
	tar_header(&b, '2', "s", "t", 0, 0777, 0);
	tar_header(&b, '0', "f", NULL, 0, 0644, 0);
	tar_header(&b, 'V', "label", NULL, 0, 0644, 0);
	tar_header(&b, 'D', "dump", NULL, 5, 0755, 0);
	tar_body(&b, "Yx\0\0", 5);
	tar_end(&b);
	expect(&b, "long/name:l:0:777:0->long/target f:f:0:644:0= dump:d:5:755:0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_entries),
		cmocka_unit_test(old_formats),
		cmocka_unit_test(prefix_only_in_ustar),
		cmocka_unit_test(names_without_nul_end),
		cmocka_unit_test(signed_checksums),
		cmocka_unit_test(numbers),
		cmocka_unit_test(pax_overrides),
		cmocka_unit_test(times_are_clamped),
		cmocka_unit_test(global_headers_are_checked_and_ignored),
		cmocka_unit_test(gnu_long_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
