#include "../unit.h"

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "base/sha256.h"
#include "base/str.h"
#include "image.h"

static const struct item simple[] = { { '5', "d" }, { '0', "d/x", "hello" }, { '2', "l", "d/x" }, { 0 } };
#define SIMPLE_TREE "d:d d/x:f=hello l:l=d/x"

static void simple_tar(struct buffer *b)
{
	tar_items(b, simple);
}

/* A gzip member with the optional header fields that FLAGS name. */
static void gzip_member(struct buffer *out, const void *data, size_t len, unsigned flags)
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

static void zstd_frame(struct buffer *out, const void *data, size_t len)
{
	char body[70000];
	size_t n = ZSTD_compress(body, sizeof(body), data, len, 1);
	assert_false(ZSTD_isError(n));
	buffer_append(out, body, n);
}

static void zstd_skippable(struct buffer *out)
{
	buffer_append(out, "\x5a\x2a\x4d\x18\x03\0\0\0abc", 11);
}

/* The tree, or the message. */
static char *build_blob(const struct buffer *blob, unsigned threads, size_t step)
{
	struct image im = { .count = 1, .threads = threads, .input_step = step };
	im.blobs[0] = blob->data != NULL ? blob->data : "";
	im.blob_lens[0] = blob->len;
	int rc = image_build(&im);
	char *got = rc == 0 ? image_describe(&im) : xstrdup(im.err.message);
	image_cleanup(&im);
	return got;
}

static void expect_blob(struct buffer *blob, const char *want)
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

static int limited(struct image *im, struct layer_limits limits, const char *want)
{
	im->limits = limits;
	int rc = image_build(im);
	if (want == NULL && rc < 0)
		fail_msg("%s", im->err.message);
	if (want != NULL && (rc == 0 || strstr(im->err.message, want) == NULL))
		fail_msg("got \"%s\", want \"%s\"", rc == 0 ? "no error" : im->err.message, want);
	image_cleanup(im);
	return rc;
}

static void limits(void **state)
{
	struct image im = { .count = 2 };
	simple_tar(&im.tars[0]);
	simple_tar(&im.tars[1]);
	size_t both = im.tars[0].len + im.tars[1].len;
	limited(&im, (struct layer_limits){ both, 6, 1000 }, NULL);
	im.count = 2;
	simple_tar(&im.tars[0]);
	simple_tar(&im.tars[1]);
	limited(&im, (struct layer_limits){ both - 1, 6, 1000 },
		"layer 1: the layers of this image hold more than");
	im.count = 2;
	simple_tar(&im.tars[0]);
	simple_tar(&im.tars[1]);
	limited(&im, (struct layer_limits){ both, 5, 1000 }, "have more than 5 entries");
	/* Implicit directories count as well, or a few long paths would make a million. */
	im.count = 1;
	const struct item deep[] = { { '0', "a/b/c/d/e/f", "x" }, { 0 } };
	tar_items(&im.tars[0], deep);
	limited(&im, (struct layer_limits){ both, 4, 1000 }, "more than 4 entries");
	/* A sparse file of 2 TiB. */
	im.count = 1;
	PAX(&im.tars[0], "GNU.sparse.size=2199023255552", "GNU.sparse.map=0,1");
	tar_header(&im.tars[0], '0', "s", NULL, 1, 0644, 0);
	tar_body(&im.tars[0], "x", 1);
	limited(&im, LAYER_LIMITS_DEFAULT, "entry s (offset 0): with this sparse file of 2.0 TiB");
}

/* A gzip member with the header of a huge file, then for ever the same member of 16 MiB of zeros. */
struct bomb {
	struct buffer first, member;
	size_t at;
	bool first_done;
};

static int read_bomb(void *ctx, void *buf, size_t len, size_t *got, struct error *err)
{
	struct bomb *bomb = ctx;
	const struct buffer *b = bomb->first_done ? &bomb->member : &bomb->first;
	*got = MIN(len, b->len - bomb->at);
	memcpy(buf, b->data + bomb->at, *got);
	bomb->at += *got;
	if (bomb->at == b->len) {
		bomb->first_done = true;
		bomb->at = 0;
	}
	return 0;
}

static void make_member(struct buffer *out, const void *data, size_t len)
{
	size_t bound = compressBound(len) + 64;
	char *body = xmalloc(bound);
	z_stream z = { .next_in = (Bytef *)data,
		.avail_in = (uInt)len,
		.next_out = (Bytef *)body,
		.avail_out = (uInt)bound };
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	buffer_append(out, body, z.total_out);
	deflateEnd(&z);
	free(body);
}

static void ratio_bomb(void **state)
{
	enum { ZEROS = 16 << 20 };
	struct bomb bomb = { 0 };
	struct buffer header = BUFFER_INIT;
	tar_header(&header, '0', "huge", NULL, 077777777777, 0644, 0);
	make_member(&bomb.first, header.data, header.len);
	char *zeros = xcalloc(1, ZEROS);
	make_member(&bomb.member, zeros, ZEROS);
	free(zeros);
	struct layer_limits lim = LAYER_LIMITS_DEFAULT;
	struct memory_sink memory = { .discard = true };
	struct layer_sink sink = memory_layer_sink(&memory);
	struct layer_scan scan = {
		.name = "bomb", .input = { &bomb, read_bomb }, .sink = &sink, .limits = &lim, .threads = 2
	};
	struct layer_index *index = NULL;
	_cleanup_error_ struct error err = ERROR_INIT;
	assert_int_equal(layer_scan(&scan, &index, &err), -1);
	if (strstr(err.message, "bomb: entry huge (offset 0): 1.0 GiB came out of 10") == NULL)
		fail_msg("%s", err.message);
	memory_sink_cleanup(&memory);
	buffer_cleanup(&header);
	buffer_cleanup(&bomb.first);
	buffer_cleanup(&bomb.member);
}

static void depth_and_names(void **state)
{
	struct buffer path = BUFFER_INIT;
	buffer_puts(&path, "path=");
	for (int i = 0; i < 1024; i++)
		buffer_puts(&path, i ? "/a" : "a");
	for (int extra = 0; extra <= 1; extra++) {
		struct image im = { .count = 1 };
		if (extra)
			buffer_puts(&path, "/a");
		PAX(&im.tars[0], path.data);
		tar_header(&im.tars[0], '0', "short", NULL, 0, 0644, 0);
		tar_end(&im.tars[0]);
		limited(&im, LAYER_LIMITS_DEFAULT, extra ? "more than 1024 directories deep" : NULL);
	}
	/* Deeper step by step through a symlink, and by the way of "..". */
	struct image im = { .count = 1 };
	path.len = strlen("path=");
	for (int i = 0; i < 1000; i++)
		buffer_puts(&path, i ? "/a" : "a");
	PAX(&im.tars[0], path.data);
	tar_header(&im.tars[0], '5', "short", NULL, 0, 0755, 0);
	_cleanup_free_ char *link = xasprintf("linkpath=%s/../a", path.data + strlen("path="));
	PAX(&im.tars[0], link);
	tar_header(&im.tars[0], '2', "l", "t", 0, 0755, 0);
	const struct item more[] = {
		{ '0', "l/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/21/22/23/24", "" }, { 0 }
	};
	struct buffer good = BUFFER_INIT;
	buffer_append(&good, im.tars[0].data, im.tars[0].len);
	tar_items(&im.tars[0], more);
	limited(&im, LAYER_LIMITS_DEFAULT, NULL);
	im = (struct image){ .count = 1 };
	im.tars[0] = good;
	const struct item much[] = {
		{ '0', "l/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/21/22/23/24/25", "" }, { 0 }
	};
	tar_items(&im.tars[0], much);
	limited(&im, LAYER_LIMITS_DEFAULT, "more than 1024 directories deep");
	buffer_cleanup(&path);

	char name[300] = "path=";
	for (size_t len = 255; len <= 256; len++) {
		im = (struct image){ .count = 1 };
		memset(name + 5, 'n', len);
		PAX(&im.tars[0], name);
		tar_header(&im.tars[0], '0', "short", NULL, 0, 0644, 0);
		limited(&im, LAYER_LIMITS_DEFAULT, len > 255 ? "a name of 256 bytes" : NULL);
	}
	for (size_t len = 4095; len <= 4096; len++) {
		im = (struct image){ .count = 1 };
		struct buffer target = BUFFER_INIT;
		buffer_puts(&target, "linkpath=");
		for (size_t i = 0; i < len; i++)
			buffer_putc(&target, 't');
		PAX(&im.tars[0], target.data);
		tar_header(&im.tars[0], '2', "l", NULL, 0, 0644, 0);
		limited(&im, LAYER_LIMITS_DEFAULT, len > 4095 ? "a symlink target of 4096 bytes" : NULL);
		buffer_cleanup(&target);
	}
}

/* What has no entry of its own, what the owner may do, and which attributes stay. */
static void metadata(void **state)
{
	static const struct {
		char type;
		unsigned mode, want;
	} rows[] = { { '0', 0, 0400 }, { '0', 04111, 04511 }, { '0', 02644, 02644 }, { '0', 0010, 0510 },
		{ '5', 0555, 0755 }, { '5', 0, 0700 }, { '5', 01777, 01777 }, { '6', 0, 0400 },
		{ '2', 0, 0777 } };
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct image im = { .count = 1 };
		tar_header(&im.tars[0], rows[i].type, "parent/x", "t", 0, rows[i].mode, 77);
		assert_int_equal(image_build(&im), 0);
		const struct tree *t = im.merged.tree;
		uint32_t parent = tree_lookup(t, TREE_ROOT, "parent", 6), x = tree_lookup(t, parent, "x", 1);
		assert_int_equal(tree_node(t, x)->mode, rows[i].want);
		assert_int_equal(tree_node(t, x)->mtime, 77);
		assert_int_equal(tree_node(t, parent)->mode, 0755);
		assert_int_equal(tree_node(t, parent)->mtime, 0);
		image_cleanup(&im);
	}
	struct image im = { .count = 2 };
	tar_header(&im.tars[0], '5', "./", NULL, 0, 0700, 5);
	PAX(&im.tars[0], "SCHILY.xattr.user.a=1", "SCHILY.xattr.user.overlay.opaque=y",
		"SCHILY.xattr.trusted.x=1", "SCHILY.xattr.security.selinux=s",
		"SCHILY.xattr.security.capability=c", "SCHILY.xattr.system.posix_acl_access=a",
		"SCHILY.xattr.trusted.overlay.opaque=y", "SCHILY.xattr.user.=z");
	tar_header(&im.tars[0], '0', "x", NULL, 0, 0644, 0);
	PAX(&im.tars[1], "SCHILY.xattr.user.root=1");
	tar_header(&im.tars[1], '5', "/", NULL, 0, 0500, 6);
	tar_header(&im.tars[1], '3', "null", NULL, 0, 0500, 6);
	tar_header(&im.tars[1], '3', "dev/null", NULL, 0, 0500, 6);
	assert_int_equal(image_build(&im), 0);
	const struct tree *t = im.merged.tree;
	const struct tree_xattr *list;
	assert_int_equal(tree_xattrs(t, tree_node(t, tree_lookup(t, TREE_ROOT, "x", 1))->xattrs, &list), 2);
	assert_string_equal(list[0].name, "user.a");
	assert_string_equal(list[1].name, "security.capability");
	assert_int_equal(tree_node(t, TREE_ROOT)->mode, 0700);
	assert_int_equal(tree_node(t, TREE_ROOT)->mtime, 6);
	assert_int_equal(tree_xattrs(t, tree_node(t, TREE_ROOT)->xattrs, &list), 1);
	assert_int_equal(im.merged.skipped.xattrs, 6);
	assert_int_equal(im.merged.skipped.devices, 1);
	assert_int_equal(im.merged.skipped.dev_entries, 1);
	image_cleanup(&im);
}

/* Each file is written once, those of the upper layer first; what is owed comes last. */
static void order_of_the_data(void **state)
{
	const struct item lower[] = { { '0', "a", "lower a" }, { '0', "b", "lower b" },
		{ '0', "c", "lower c" }, { 0 } };
	const struct item upper[] = { { '0', "a", "upper a" }, { '1', "link", "b" }, { '0', ".wh.b" },
		{ '5', "c" }, { 0 } };
	static const char *const want[] = { "upper a", "lower b" };
	struct image im = { .count = 2 };
	tar_items(&im.tars[0], lower);
	tar_items(&im.tars[1], upper);
	assert_int_equal(image_build(&im), 0);
	assert_int_equal(im.written_first, 1);
	assert_int_equal(im.repaired, 1);
	assert_int_equal(im.sink.count, 2);
	for (size_t i = 0; i < 2; i++)
		assert_string_equal(im.sink.files[i].data, want[i]);
	_cleanup_free_ char *got = image_describe(&im);
	assert_string_equal(got, "a:f=upper a c:d link:f=lower b");
	image_cleanup(&im);
}

static void a_layer_that_changes_between_readings(void **state)
{
	const struct item lower[] = { { '0', "b", "lower b" }, { 0 } },
			  other[] = { { '0', "b", "short" }, { 0 } };
	const struct item upper[] = { { '1', "link", "b" }, { '0', ".wh.b" }, { 0 } };
	struct image im = { .count = 2 };
	tar_items(&im.tars[0], lower);
	tar_items(&im.tars[1], upper);
	struct layer_owed owed = { .layer = 0, .entry = 0 };
	assert_int_equal(image_build(&im), 0);
	buffer_cleanup(&im.tars[0]);
	tar_items(&im.tars[0], other);
	uint32_t node = tree_lookup(im.merged.tree, TREE_ROOT, "link", 4);
	owed.inode = tree_node_inode(im.merged.tree, node);
	struct memory_input in;
	struct layer_sink sink = memory_layer_sink(&im.sink);
	struct layer_scan scan = image_scan(&im, 0, &in, &sink);
	assert_int_equal(layer_repair(&scan, im.merged.tree, &owed, 1, &im.err), -1);
	assert_string_equal(
		im.err.message, "layer 1: entry b (offset 0): the layer changed between two readings");
	owed.entry = 7;
	scan = image_scan(&im, 0, &in, &sink);
	assert_int_equal(layer_repair(&scan, im.merged.tree, &owed, 1, &im.err), -1);
	assert_string_equal(im.err.message, "layer 1: the layer changed between two readings");
	image_cleanup(&im);
}

static int failing_read(void *ctx, void *buf, size_t len, size_t *got, struct error *err)
{
	return error_set(err, EIO, "the network is down");
}

static int failing_data(void *ctx, const void *data, size_t len, struct error *err)
{
	return error_set(err, ENOSPC, "no room");
}

static void count_cancel(void *ctx)
{
	++*(int *)ctx;
}

static int endless_zeros(void *ctx, void *buf, size_t len, size_t *got, struct error *err)
{
	memset(buf, 0, len);
	*got = len;
	return 0;
}

static void failures_unwind(void **state)
{
	struct image im = { .count = 1, .limits = LAYER_LIMITS_DEFAULT };
	simple_tar(&im.tars[0]);
	for (unsigned threads = 1; threads <= 2; threads++) {
		struct memory_input in;
		struct layer_sink sink = memory_layer_sink(&im.sink);
		struct layer_index *index = NULL;
		struct layer_scan scan = image_scan(&im, 0, &in, &sink);
		scan.threads = threads;
		scan.diff_id = "sha256:0";
		scan.input.read = failing_read;
		assert_int_equal(layer_scan(&scan, &index, &im.err), -1);
		assert_string_equal(im.err.message, "layer 1: the network is down");
		scan = image_scan(&im, 0, &in, &sink);
		scan.threads = threads;
		scan.diff_id = "sha256:0";
		sink.file_data = failing_data;
		assert_int_equal(layer_scan(&scan, &index, &im.err), -1);
		assert_string_equal(im.err.message, "layer 1: entry d/x (offset 512): no room");
		/* The input goes on for ever. */
		int cancelled = 0;
		scan.input = (struct layer_input){ &cancelled, endless_zeros, count_cancel };
		scan.limits =
			&(struct layer_limits){ .max_bytes = 4 << 20, .max_inodes = 5, .max_ratio = 1000 };
		assert_int_equal(layer_scan(&scan, &index, &im.err), -1);
		assert_non_null(strstr(im.err.message, "hold more than 4.0 MiB"));
		assert_int_equal(cancelled, threads > 1);
	}
	image_cleanup(&im);
}

static void many_layers(void **state)
{
	enum { COUNT = 200 };
	struct layer_index *indexes[COUNT];
	const char *names[COUNT];
	struct memory_sink memory = { 0 };
	struct layer_sink sink = memory_layer_sink(&memory);
	struct layer_limits lim = LAYER_LIMITS_DEFAULT;
	struct layer_mask *mask = layer_mask_new();
	_cleanup_error_ struct error err = ERROR_INIT;
	for (int i = COUNT - 1; i >= 0; i--) {
		struct buffer b = BUFFER_INIT;
		char own[32], text[32];
		snprintf(own, sizeof(own), "d/f%d", i);
		snprintf(text, sizeof(text), "text %d", i);
		const struct item items[] = { { '0', "d/same", text }, { '0', own, text }, { 0 } };
		tar_items(&b, items);
		struct memory_input in = { b.data, b.len, 0 };
		struct layer_scan scan = { .name = "l",
			.input = { &in, memory_read },
			.mask = mask,
			.sink = &sink,
			.limits = &lim,
			.threads = 1 };
		names[i] = "l";
		assert_int_equal(layer_scan(&scan, &indexes[i], &err), 0);
		layer_mask_add(mask, indexes[i]);
		buffer_cleanup(&b);
	}
	struct layer_merged merged;
	assert_int_equal(layer_merge(indexes, names, COUNT, &merged, &err), 0);
	assert_int_equal(memory.count, COUNT + 1);
	assert_int_equal(merged.owed_count, 0);
	uint32_t d = tree_lookup(merged.tree, TREE_ROOT, "d", 1),
		 same = tree_lookup(merged.tree, d, "same", 4);
	assert_string_equal(memory.files[tree_node(merged.tree, same)->data].data, "text 199");
	layer_merged_cleanup(&merged);
	layer_mask_free(mask);
	memory_sink_cleanup(&memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gzip_forms),
		cmocka_unit_test(gzip_broken),
		cmocka_unit_test(zstd_forms),
		cmocka_unit_test(other_compressions),
		cmocka_unit_test(diff_ids),
		cmocka_unit_test(limits),
		cmocka_unit_test(ratio_bomb),
		cmocka_unit_test(depth_and_names),
		cmocka_unit_test(metadata),
		cmocka_unit_test(order_of_the_data),
		cmocka_unit_test(a_layer_that_changes_between_readings),
		cmocka_unit_test(failures_unwind),
		cmocka_unit_test(many_layers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
