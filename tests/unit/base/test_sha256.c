/* The start program's own SHA-256: FIPS 180-4's examples, and its two ways against each other. */
#include "../unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "../../../src/base/sha256_own.c"

static void test_examples(void **state)
{
	(void)state;
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
			"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
	};
	char hex[SHA256_HEX_SIZE];
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		sha256_hex_of(rows[i].text, strlen(rows[i].text), hex);
		assert_string_equal(hex, rows[i].want);
	}
	char *million = xmalloc(1000000);
	memset(million, 'a', 1000000);
	sha256_hex_of(million, 1000000, hex);
	free(million);
	assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* Any length, in any pieces, with and without the instructions. */
static void test_pieces(void **state)
{
	(void)state;
	uint8_t data[1000], whole[SHA256_SIZE], parts[SHA256_SIZE];
	srand(1);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)rand();
	for (size_t len = 0; len <= 300; len++) {
		struct sha256 *a = sha256_new(), *b = sha256_new();
		a->has_instructions = false;
		sha256_update(a, data, len);
		sha256_final(a, whole);
		for (size_t at = 0; at < len;) {
			size_t piece = (size_t)rand() % 130, n = MIN(piece, len - at);
			sha256_update(b, data + at, n);
			at += n;
		}
		sha256_final(b, parts);
		assert_memory_equal(whole, parts, sizeof(whole));
		sha256_free(a);
		sha256_free(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_pieces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
