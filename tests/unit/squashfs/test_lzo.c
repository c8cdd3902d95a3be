#include "../unit.h"

#include <string.h>

#include "base/memory.h"
#include "squashfs/lzo.h"

#define END "\x11\0\0"

/* Streams put together by hand from Documentation/staging/lzo.rst; WANT NULL: refused. */
static const struct {
	const char *what;
	const char *in;
	size_t in_len;
	const char *want;
	size_t out_len; /* room; 0: exactly what is wanted */
} rows[] = {
#define ROW(what, in, want, room)                    \
	{                                            \
		what, in, sizeof(in) - 1, want, room \
	}
	ROW("one literal",
		"\x12"
		"a" END,
		"a", 0),
	ROW("four literals",
		"\x15"
		"abcd" END,
		"abcd", 0),
	ROW("a run at the start",
		"\x01"
		"abcd" END,
		"abcd", 0),
	ROW("a long run",
		"\x00\x01"
		"abcdefghijklmnopqrs" END,
		"abcdefghijklmnopqrs", 0),
	ROW("two bytes of 1 back",
		"\x12"
		"a\x00\x00" END,
		"aaa", 0),
	ROW("two bytes of 3 back, two literals",
		"\x14"
		"abc\x0a\x00"
		"xy" END,
		"abcabxy", 0),
	ROW("three bytes of 2 back, class 2",
		"\x15"
		"abcd\x44\x00" END,
		"abcdcdc", 0),
	ROW("four bytes, class 2",
		"\x15"
		"abcd\x6c\x00" END,
		"abcdabcd", 0),
	ROW("eight bytes of 4 back",
		"\x15"
		"abcd\xec\x00" END,
		"abcdabcdabcd", 0),
	ROW("class 3",
		"\x15"
		"abcd\x22\x0c\x00" END,
		"abcdabcd", 0),
	ROW("class 3, long",
		"\x12"
		"a\x20\x01\x00\x00" END,
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0),
	ROW("a literal behind a match",
		"\x15"
		"abcd\x22\x0d\x00"
		"z" END,
		"abcdabcdz", 0),
	ROW("room to spare",
		"\x12"
		"a" END,
		"a", 100),

	ROW("nothing", "", NULL, 10),
	ROW("no end",
		"\x12"
		"a",
		NULL, 10),
	ROW("half an end",
		"\x12"
		"a\x11\0",
		NULL, 10),
	ROW("bytes behind the end",
		"\x12"
		"a" END "x",
		NULL, 10),
	ROW("too little room for literals",
		"\x15"
		"abcd" END,
		NULL, 3),
	ROW("too little room for a match",
		"\x15"
		"abcd\x6c\x00" END,
		NULL, 7),
	ROW("literals cut off",
		"\x15"
		"abc",
		NULL, 10),
	ROW("back beyond the start",
		"\x12"
		"a\x6c\x00" END,
		NULL, 10),
	ROW("far back beyond the start",
		"\x15"
		"abcd\x12\x04\x00" END,
		NULL, 100),
	ROW("three bytes of 2049 back",
		"\x15"
		"abcd\x00\x00" END,
		NULL, 100),
	ROW("a length that does not end", "\x00\x00\x00\x00", NULL, 100),
	ROW("a match cut off",
		"\x15"
		"abcd\x6c",
		NULL, 100),
	ROW("a distance cut off",
		"\x15"
		"abcd\x22\x0c",
		NULL, 100),
#undef ROW
};

static void streams(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t want = rows[i].want != NULL ? strlen(rows[i].want) : 0;
		size_t room = rows[i].out_len != 0 ? rows[i].out_len : want;
		_cleanup_free_ uint8_t *in = xmemdup(rows[i].in, rows[i].in_len);
		_cleanup_free_ uint8_t *out = xmalloc(room);
		ssize_t n = sqfs_lzo_decode(in, rows[i].in_len, out, room);
		ssize_t expected = rows[i].want != NULL ? (ssize_t)want : -1;
		if (n != expected || (n > 0 && memcmp(out, rows[i].want, want) != 0))
			print_error("%s: %zd bytes\n", rows[i].what, n);
		assert_int_equal(n, expected);
		if (n > 0)
			assert_memory_equal(out, rows[i].want, want);
	}
}

/* 16,385 literals and a match of the farthest class, 16,385 back. */
static void far_match(void **state)
{
	(void)state;
	size_t run = 16385, zeros = (run - 18) / 255, rest = (run - 18) % 255;
	_cleanup_free_ uint8_t *in = xcalloc(1, run + zeros + 16), *out = xmalloc(run + 3);
	uint8_t *p = in + 1 + zeros;
	*p++ = (uint8_t)rest;
	for (size_t i = 0; i < run; i++)
		*p++ = (uint8_t)(i * 7 + i / 256);
	memcpy(p, "\x11\x04\x00\x11\x00\x00", 6); /* length 3, distance 16384 + 1 */
	p += 6;
	assert_int_equal(sqfs_lzo_decode(in, (size_t)(p - in), out, run + 3), run + 3);
	assert_memory_equal(out, in + 2 + zeros, run);
	assert_memory_equal(out + run, out, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams),
		cmocka_unit_test(far_match),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
