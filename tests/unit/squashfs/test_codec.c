#include "../unit.h"

#include <endian.h>
#include <lzma.h>
#include <string.h>

#include "base/memory.h"
#include "squashfs/codec.h"

#define BLOCK (128u * 1024)

static const enum sqfs_compression writable[] = { SQFS_GZIP, SQFS_XZ, SQFS_LZ4, SQFS_ZSTD };

/* Compressible, but not trivially. */
static void fill_text(uint8_t *p, size_t len)
{
	static const char words[][8] = { "squash", "inode", "of the", "xattr\n", "layer", "block 1", "a",
		"merge" };
	uint32_t x = 1;
	for (size_t i = 0; i < len;) {
		x = x * 1103515245u + 12345;
		const char *word = words[x >> 16 & 7];
		for (size_t k = 0; k < strlen(word) && i < len; k++)
			p[i++] = (uint8_t)word[k];
	}
}

static void fill_noise(uint8_t *p, size_t len)
{
	uint64_t x = 88172645463325252ull;
	for (size_t i = 0; i < len; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		p[i] = (uint8_t)(x >> 32);
	}
}

static struct sqfs_codec *encoder(enum sqfs_compression c, int level)
{
	struct error err = ERROR_INIT;
	struct sqfs_codec *codec = sqfs_encoder_new(c, level, BLOCK, &err);
	assert_non_null(codec);
	return codec;
}

static struct sqfs_codec *decoder(enum sqfs_compression c)
{
	struct error err = ERROR_INIT;
	struct sqfs_codec *codec = sqfs_decoder_new(c, BLOCK, &err);
	assert_non_null(codec);
	return codec;
}

static void round_trips(void **state)
{
	(void)state;
	static const size_t lengths[] = { 1000, 4096, 8192, BLOCK - 1, BLOCK };
	static const int levels[] = { 0, 1, 9 };
	static uint8_t in[BLOCK], packed[BLOCK], out[BLOCK];
	fill_text(in, sizeof(in));
	for (size_t c = 0; c < ARRAY_SIZE(writable); c++) {
		struct sqfs_codec *d = decoder(writable[c]);
		for (size_t l = 0; l < ARRAY_SIZE(levels); l++) {
			struct sqfs_codec *e = encoder(writable[c], levels[l]);
			for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
				size_t n = sqfs_encode(e, in, lengths[i], packed);
				assert_in_range(n, 1, lengths[i] - 1);
				memset(out, 0, sizeof(out));
				assert_int_equal(sqfs_decode(d, packed, n, out, BLOCK), lengths[i]);
				assert_memory_equal(in, out, lengths[i]);
				/* one byte too few, and a cut input */
				assert_int_equal(sqfs_decode(d, packed, n, out, lengths[i] - 1), -1);
				ssize_t cut = sqfs_decode(d, packed, n / 2, out, BLOCK);
				assert_true(cut != (ssize_t)lengths[i]);
			}
			sqfs_codec_free(e);
		}
		sqfs_codec_free(d);
	}
}

static void noise_is_not_worth_it(void **state)
{
	(void)state;
	static uint8_t in[BLOCK], packed[BLOCK];
	fill_noise(in, sizeof(in));
	for (size_t c = 0; c < ARRAY_SIZE(writable); c++) {
		struct sqfs_codec *e = encoder(writable[c], 0);
		assert_int_equal(sqfs_encode(e, in, sizeof(in), packed), 0);
		assert_int_equal(sqfs_encode(e, in, 1, packed), 0);
		/* and the object still works */
		assert_true(sqfs_encode(e, memset(in, 'a', 1000), 1000, packed) != 0);
		fill_noise(in, sizeof(in));
		sqfs_codec_free(e);
	}
	struct sqfs_codec *e = encoder(SQFS_NONE, 0);
	memset(in, 0, sizeof(in));
	assert_int_equal(sqfs_encode(e, in, sizeof(in), packed), 0);
	sqfs_codec_free(e);
}

/* Same bytes whatever the object did before: images must not depend on which thread took a block. */
static void history_does_not_matter(void **state)
{
	(void)state;
	static uint8_t text[BLOCK], noise[BLOCK], a[BLOCK], b[BLOCK];
	fill_text(text, sizeof(text));
	fill_noise(noise, sizeof(noise));
	for (size_t c = 0; c < ARRAY_SIZE(writable); c++) {
		struct sqfs_codec *fresh = encoder(writable[c], 0), *used = encoder(writable[c], 0);
		sqfs_encode(used, noise, sizeof(noise), b);
		sqfs_encode(used, text + 1, 7777, b);
		size_t n = sqfs_encode(fresh, text, sizeof(text), a);
		assert_int_equal(sqfs_encode(used, text, sizeof(text), b), n);
		assert_memory_equal(a, b, n);
		sqfs_codec_free(fresh);
		sqfs_codec_free(used);
	}
}

static void bombs_are_bounded(void **state)
{
	(void)state;
	static uint8_t zeros[BLOCK], packed[BLOCK], out[4096];
	for (size_t c = 0; c < ARRAY_SIZE(writable); c++) {
		struct sqfs_codec *e = encoder(writable[c], 0), *d = decoder(writable[c]);
		size_t n = sqfs_encode(e, zeros, sizeof(zeros), packed);
		assert_true(n != 0);
		assert_int_equal(sqfs_decode(d, packed, n, out, sizeof(out)), -1);
		sqfs_codec_free(e);
		sqfs_codec_free(d);
	}
}

/* As mksquashfs writes it: the LZMA_alone format with the size filled in. */
static void lzma_is_read(void **state)
{
	(void)state;
	static uint8_t in[20000], packed[30000], out[20000];
	fill_text(in, sizeof(in));
	lzma_options_lzma o;
	lzma_lzma_preset(&o, 5);
	o.dict_size = BLOCK;
	lzma_stream s = LZMA_STREAM_INIT;
	assert_int_equal(lzma_alone_encoder(&s, &o), LZMA_OK);
	s.next_in = in;
	s.avail_in = sizeof(in);
	s.next_out = packed;
	s.avail_out = sizeof(packed);
	assert_int_equal(lzma_code(&s, LZMA_FINISH), LZMA_STREAM_END);
	size_t n = s.total_out;
	lzma_end(&s);
	uint64_t size = htole64(sizeof(in));
	memcpy(packed + 5, &size, sizeof(size));

	struct sqfs_codec *d = decoder(SQFS_LZMA);
	for (int turn = 0; turn < 2; turn++) {
		assert_int_equal(sqfs_decode(d, packed, n, out, sizeof(out)), sizeof(in));
		assert_memory_equal(in, out, sizeof(in));
	}
	memset(packed + 1, 0xff, 4); /* a dictionary of 4 GiB */
	assert_int_equal(sqfs_decode(d, packed, n, out, sizeof(out)), -1);
	sqfs_codec_free(d);
}

static void what_cannot_be_written(void **state)
{
	(void)state;
	static const int ids[] = { SQFS_LZO, SQFS_LZMA, 7, 99, -1 };
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		struct error err = ERROR_INIT;
		assert_null(sqfs_encoder_new((enum sqfs_compression)ids[i], 0, BLOCK, &err));
		assert_true(error_is_set(&err));
		error_clear(&err);
	}
	struct error err = ERROR_INIT;
	assert_null(sqfs_decoder_new((enum sqfs_compression)7, BLOCK, &err));
	error_clear(&err);
}

static void names(void **state)
{
	(void)state;
	for (int c = SQFS_NONE; c <= SQFS_ZSTD; c++)
		assert_int_equal(
			sqfs_compression_from_name(sqfs_compression_name((enum sqfs_compression)c)), c);
	assert_int_equal(sqfs_compression_from_name("brotli"), -1);
	assert_null(sqfs_compression_name((enum sqfs_compression)7));
}

static void options_blocks(void **state)
{
	(void)state;
	static const struct {
		enum sqfs_compression compression;
		int level;
		size_t len;
		uint8_t bytes[8];
	} rows[] = {
		{ SQFS_NONE, 0, 0, { 0 } },
		{ SQFS_GZIP, 0, 0, { 0 } },
		{ SQFS_GZIP, 9, 0, { 0 } },
		{ SQFS_GZIP, 6, 8, { 6, 0, 0, 0, 15, 0, 0, 0 } },
		{ SQFS_XZ, 0, 0, { 0 } },
		{ SQFS_LZ4, 0, 8, { 1, 0, 0, 0, 0, 0, 0, 0 } },
		{ SQFS_LZ4, 12, 8, { 1, 0, 0, 0, 1, 0, 0, 0 } },
		{ SQFS_ZSTD, 0, 4, { 1, 0, 0, 0 } },
		{ SQFS_ZSTD, 15, 0, { 0 } },
		{ SQFS_ZSTD, 22, 4, { 22, 0, 0, 0 } },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t out[64];
		assert_int_equal(
			sqfs_codec_options(rows[i].compression, rows[i].level, BLOCK, out), rows[i].len);
		assert_memory_equal(out, rows[i].bytes, rows[i].len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trips),
		cmocka_unit_test(noise_is_not_worth_it),
		cmocka_unit_test(history_does_not_matter),
		cmocka_unit_test(bombs_are_bounded),
		cmocka_unit_test(lzma_is_read),
		cmocka_unit_test(what_cannot_be_written),
		cmocka_unit_test(names),
		cmocka_unit_test(options_blocks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
