#include "../unit.h"

#include <inttypes.h>

#include "base/str.h"
#include "layer/tar.h"
#include "layer/tar_private.h"
#include "tarball.h"

struct pieces {
	const char *data;
	size_t len, step;
};

static int next_piece(void *ctx, const uint8_t **data, size_t *len, struct error *err)
{
	struct pieces *p = ctx;
	*data = (const uint8_t *)p->data;
	*len = MIN(p->len, p->step);
	p->data += *len;
	p->len -= *len;
	return 0;
}

/* "path:type:size:mode:mtime" and, behind "->" the link, behind "=" the data with holes as '.'. */
static void describe_entry(
	struct tar_reader *r, const struct tar_entry *e, struct memory_sink *sink, struct buffer *out)
{
	static const char letters[] = "fdlhpD";
	if (out->len != 0)
		buffer_putc(out, ' ');
	buffer_printf(out, "%.*s:%c:%" PRIu64 ":%o:%u", (int)e->path_len, e->path, letters[e->type], e->size,
		e->mode, e->mtime);
	if (e->type == TAR_SYMLINK || e->type == TAR_HARDLINK)
		buffer_printf(out, "->%.*s", (int)e->link_len, e->link);
	for (size_t i = 0; i < e->xattr_count; i++)
		buffer_printf(out, ",%s=%.*s", e->xattrs[i].name, (int)e->xattrs[i].value_len,
			(const char *)e->xattrs[i].value);
}

static char *describe(const struct buffer *tar, size_t step, bool data)
{
	struct pieces p = { tar->data, tar->len, step };
	struct tar_source source = { &p, next_piece };
	struct tar_reader *r = tar_reader_new(&source);
	struct memory_sink memory = { 0 };
	struct layer_sink sink = memory_layer_sink(&memory);
	struct buffer out = BUFFER_INIT;
	struct tar_entry e;
	_cleanup_error_ struct error err = ERROR_INIT;
	uint32_t id;
	int rc;
	while ((rc = tar_reader_next(r, &e, &err)) > 0) {
		describe_entry(r, &e, &memory, &out);
		if (!data || e.type != TAR_FILE || e.size > 4096)
			continue;
		memory_begin(&memory, &(struct tree_file){ .size = e.size }, &err);
		if ((rc = tar_reader_data(r, &sink, &err)) < 0 || (rc = memory_end(&memory, &id, &err)) < 0)
			break;
		struct buffer *f = &memory.files[id];
		for (size_t i = 0; i < f->len; i++)
			if (f->data[i] == '\0')
				f->data[i] = '.';
		buffer_printf(&out, "=%s", f->len ? f->data : "");
	}
	if (rc < 0)
		buffer_printf(&out, "%sERROR %s", out.len ? " " : "", err.message);
	memory_sink_cleanup(&memory);
	tar_reader_free(r);
	return buffer_steal(&out);
}

/* However the bytes are cut into pieces, and whether or not the data are read. */
static void expect(struct buffer *tar, const char *want)
{
	static const size_t steps[] = { SIZE_MAX, 512, 513, 7, 1 };
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		_cleanup_free_ char *got = describe(tar, steps[i], true);
		assert_string_equal(got, want);
	}
	buffer_cleanup(tar);
}

static void expect_error(struct buffer *tar, const char *part)
{
	_cleanup_free_ char *got = describe(tar, SIZE_MAX, true), *again = describe(tar, 11, false);
	if (strstr(got, "ERROR") == NULL || strstr(got, part) == NULL)
		fail_msg("got \"%s\", want an error with \"%s\"", got, part);
	assert_non_null(strstr(again, "ERROR"));
	buffer_cleanup(tar);
}

static char *last_header(struct buffer *b)
{
	return b->data + b->len - 512;
}

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
		cmocka_unit_test(old_gnu_sparse),
		cmocka_unit_test(pax_sparse_formats),
		cmocka_unit_test(sparse_maps_that_lie),
		cmocka_unit_test(bad_maps_in_data),
		cmocka_unit_test(bad_pax_records),
		cmocka_unit_test(bombs_are_refused_before_allocation),
		cmocka_unit_test(bad_headers),
		cmocka_unit_test(links_have_no_data_whatever_they_say),
		cmocka_unit_test(ends),
		cmocka_unit_test(long_names_that_lie),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
