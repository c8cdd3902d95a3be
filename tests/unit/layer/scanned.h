/*
 * tests/unit/layer/scanned.h - layers as the tests of the scanner make them
 */
#pragma once

#include "../unit.h"

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "base/sha256.h"
#include "base/str.h"
#include "image.h"

static const struct item simple[] = { { '5', "d" }, { '0', "d/x", "hello" }, { '2', "l", "d/x" }, { 0 } };
#define SIMPLE_TREE "d:d d/x:f=hello l:l=d/x"

static inline void simple_tar(struct buffer *b)
{
	tar_items(b, simple);
}

/* A gzip member with the optional header fields that FLAGS name. */
static inline void gzip_member(struct buffer *out, const void *data, size_t len, unsigned flags)
{
	char body[70000], header[64] = { 0x1f, (char)0x8b, 8, (char)flags, 1, 2, 3, 4, 0, 3 };
	size_t n = 10;
	z_stream z = { .next_in = (Bytef *)data,
		.avail_in = (uInt)len,
		.next_out = (Bytef *)body,
		.avail_out = sizeof(body) };
	assert_int_equal(deflateInit2(&z, 1, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	if (flags & 4)
		n += (size_t)sprintf(header + n, "%c%cextra", 5, 0);
	if (flags & 8)
		n += (size_t)sprintf(header + n, "name") + 1;
	if (flags & 16)
		n += (size_t)sprintf(header + n, "comment") + 1;
	if (flags & 2) {
		unsigned long crc = crc32(0, (Bytef *)header, (uInt)n);
		header[n++] = (char)crc;
		header[n++] = (char)(crc >> 8);
	}
	uint32_t trailer[2] = { (uint32_t)crc32(0, data, (uInt)len), (uint32_t)len };
	buffer_append(out, header, n);
	buffer_append(out, body, z.total_out);
	buffer_append(out, trailer, 8);
}

static inline void zstd_frame(struct buffer *out, const void *data, size_t len)
{
	char body[70000];
	size_t n = ZSTD_compress(body, sizeof(body), data, len, 1);
	assert_false(ZSTD_isError(n));
	buffer_append(out, body, n);
}

static inline void zstd_skippable(struct buffer *out)
{
	buffer_append(out, "\x5a\x2a\x4d\x18\x03\0\0\0abc", 11);
}

/* The tree, or the message. */
static inline char *build_blob(const struct buffer *blob, unsigned threads, size_t step)
{
	struct image im = { .count = 1, .threads = threads, .input_step = step };
	im.blobs[0] = blob->data != NULL ? blob->data : "";
	im.blob_lens[0] = blob->len;
	int rc = image_build(&im);
	char *got = rc == 0 ? image_describe(&im) : xstrdup(im.err.message);
	image_cleanup(&im);
	return got;
}

static inline void expect_blob(struct buffer *blob, const char *want)
{
	static const size_t steps[] = { 0, 1, 7, 511 };
	for (unsigned threads = 1; threads <= 2; threads++)
		for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
			_cleanup_free_ char *got = build_blob(blob, threads, steps[i]);
			assert_non_null(got);
			if (strstr(got, want) == NULL)
				fail_msg("got \"%s\", want \"%s\"", got, want);
		}
	buffer_cleanup(blob);
}
