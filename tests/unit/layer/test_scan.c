/* What is taken from a layer, in which order, and how failures unwind. */
#include "scanned.h"

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
		cmocka_unit_test(metadata),
		cmocka_unit_test(order_of_the_data),
		cmocka_unit_test(a_layer_that_changes_between_readings),
		cmocka_unit_test(failures_unwind),
		cmocka_unit_test(many_layers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
