/* What a layer may ask of us: limits, bombs, depth and names. */
#include "scanned.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits),
		cmocka_unit_test(ratio_bomb),
		cmocka_unit_test(depth_and_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
