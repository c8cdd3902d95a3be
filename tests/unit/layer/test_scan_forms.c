/* How layers are compressed, and their digests. */
#include "scanned.h"

static void gzip_forms(void **state)
{
	_cleanup_buffer_ struct buffer tar = BUFFER_INIT;
	simple_tar(&tar);
	struct buffer b = BUFFER_INIT;
	for (unsigned flags = 0; flags < 32; flags++) {
		gzip_member(&b, tar.data, tar.len, flags);
		expect_blob(&b, SIMPLE_TREE);
	}
	/* One member a byte, and empty ones between. */
	for (size_t i = 0; i < tar.len; i++) {
		if (i % 64 == 0)
			gzip_member(&b, "", 0, 0);
		gzip_member(&b, tar.data + i, 1, i % 32);
	}
	expect_blob(&b, SIMPLE_TREE);
	gzip_member(&b, tar.data, tar.len, 0);
	gzip_member(&b, "", 0, 0);
	buffer_append(&b, "\0\0\0\0\0\0\0\0", 8);
	expect_blob(&b, SIMPLE_TREE);
}

static void gzip_broken(void **state)
{
	_cleanup_buffer_ struct buffer tar = BUFFER_INIT, good = BUFFER_INIT;
	simple_tar(&tar);
	gzip_member(&good, tar.data, tar.len, 31);
	for (size_t cut = 6; cut < good.len; cut++) {
		struct buffer b = BUFFER_INIT;
		buffer_append(&b, good.data, cut);
		_cleanup_free_ char *got = build_blob(&b, 1, 0);
		if (strstr(got, "layer 1: the compressed data (gzip) are cut off after") == NULL)
			fail_msg("cut at %zu of %zu: %s", cut, good.len, got);
		buffer_cleanup(&b);
	}
	struct buffer b = BUFFER_INIT;
	gzip_member(&b, tar.data, tar.len, 0);
	b.data[b.len - 8] ^= 1;
	expect_blob(&b, "wrong checksum or length of a member");
	gzip_member(&b, tar.data, tar.len, 0);
	b.data[b.len - 1] ^= 1;
	expect_blob(&b, "wrong checksum or length of a member");
	gzip_member(&b, tar.data, tar.len, 2);
	b.data[10] ^= 1;
	expect_blob(&b, "wrong header checksum");
	gzip_member(&b, tar.data, tar.len, 0);
	b.data[3] = 0x20;
	expect_blob(&b, "reserved flags 0x20");
	gzip_member(&b, tar.data, tar.len, 0);
	b.data[2] = 7;
	expect_blob(&b, "unknown method 7");
	gzip_member(&b, tar.data, tar.len, 0);
	buffer_puts(&b, "garbage");
	expect_blob(&b, "what follows the last member is neither a member nor zeros");
	gzip_member(&b, tar.data, tar.len, 0);
	buffer_append(&b, "\0\0x", 3);
	expect_blob(&b, "what follows the last member is neither a member nor zeros");
	gzip_member(&b, tar.data, tar.len, 0);
	memset(b.data + 10, 0xff, 16);
	expect_blob(&b, "bad deflate data");
}

static void zstd_forms(void **state)
{
	_cleanup_buffer_ struct buffer tar = BUFFER_INIT;
	simple_tar(&tar);
	struct buffer b = BUFFER_INIT;
	zstd_skippable(&b);
	zstd_frame(&b, tar.data, 700);
	zstd_frame(&b, "", 0);
	zstd_skippable(&b);
	zstd_frame(&b, tar.data + 700, tar.len - 700);
	zstd_skippable(&b);
	_cleanup_buffer_ struct buffer copy = BUFFER_INIT;
	buffer_append(&copy, b.data, b.len);
	expect_blob(&b, SIMPLE_TREE);
	buffer_append(&b, copy.data, copy.len - 2);
	expect_blob(&b, "the compressed data (zstd) are cut off");
	buffer_append(&b, copy.data, copy.len);
	buffer_puts(&b, "garbage");
	expect_blob(&b, "cannot decompress (zstd");
	/* A window of 3.75 TiB. */
	buffer_append(&b, "\x28\xb5\x2f\xfd\x00\xff\x01\x00\x00", 9);
	expect_blob(&b, "cannot decompress (zstd");
}

static void other_compressions(void **state)
{
	_cleanup_buffer_ struct buffer tar = BUFFER_INIT;
	simple_tar(&tar);
	struct buffer b = BUFFER_INIT;
	char body[70000];
	size_t n = 0;
	assert_int_equal(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, NULL, (uint8_t *)tar.data, tar.len,
				 (uint8_t *)body, &n, sizeof(body)),
		LZMA_OK);
	buffer_append(&b, body, n);
	expect_blob(&b, SIMPLE_TREE);
	buffer_append(&b, body, n - 3);
	expect_blob(&b, "the compressed data (xz) are cut off");
	buffer_puts(&b, "BZh91AY&SY");
	expect_blob(&b, "unsupported compression (bzip2)");
	expect_blob(&b, "the layer is empty");
	buffer_puts(&b, "{}");
	expect_blob(&b, "cut off inside a header");
	for (int i = 0; i < 100; i++)
		buffer_puts(&b, "not a tar");
	expect_blob(&b, "this is not a tar archive");
	tar_end(&b);
	expect_blob(&b, ""); /* a layer that changes nothing */
}

static void diff_ids(void **state)
{
	char hex[SHA256_HEX_SIZE];
	for (unsigned threads = 1; threads <= 2; threads++) {
		struct image im = { .count = 1, .threads = threads, .limits = LAYER_LIMITS_DEFAULT };
		simple_tar(&im.tars[0]);
		buffer_puts(&im.tars[0], "what follows the end counts as well");
		sha256_hex_of(im.tars[0].data, im.tars[0].len, hex);
		_cleanup_free_ char *right = xasprintf("sha256:%s", hex), *wrong = xstrdup(right);
		wrong[70] = wrong[70] == '0' ? '1' : '0';
		const char *const ids[] = { right, wrong, hex, "sha512:00", "" };
		for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
			for (int allow = 0; allow <= 1; allow++) {
				struct memory_input in;
				struct layer_sink sink = memory_layer_sink(&im.sink);
				struct layer_scan scan = image_scan(&im, 0, &in, &sink);
				struct layer_index *index = NULL;
				scan.diff_id = ids[i];
				scan.allow_diff_id_mismatch = allow;
				int rc = layer_scan(&scan, &index, &im.err);
				assert_int_equal(rc, i == 0 || allow ? 0 : -1);
				if (rc == 0)
					assert_int_equal(layer_index_entries(index), 3);
				else
					assert_non_null(strstr(
						im.err.message, "layer 1: the tar's digest is sha256:"));
				layer_index_free(index);
				error_clear(&im.err);
			}
		}
		image_cleanup(&im);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gzip_forms),
		cmocka_unit_test(gzip_broken),
		cmocka_unit_test(zstd_forms),
		cmocka_unit_test(other_compressions),
		cmocka_unit_test(diff_ids),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
