/* What the writer makes of trees: types, links, large and deep directories. */
#include "images.h"

static void every_type(void **state)
{
	(void)state;
	struct image im = { 0 };
	struct view v;
	image_begin(&im, "-all-time 77");
	static const struct tree_xattr two[] = {
		{ "security.capability", "\1\0\0\2", 4 }, { "user.empty", "", 0 },
		{ "system.posix_acl_access", "x", 1 }, /* has no place in squashfs */
	};
	static const struct tree_xattr only_acl[] = { { "system.posix_acl_access", "x", 1 } };
	uint32_t set = tree_add_xattrs(im.tree, two, 3), none = tree_add_xattrs(im.tree, only_acl, 1);
	for (int with = 0; with < 2; with++) {
		uint32_t dir = add_dir(&im, TREE_ROOT, with ? "with" : "without");
		uint32_t x = with ? set : TREE_NO_XATTRS;
		tree_node(im.tree, dir)->xattrs = x;
		struct tree_inode inode = { .mode = 04755, .xattrs = x };
		const struct {
			const char *name;
			enum tree_type type;
			uint32_t value;
		} nodes[] = {
			{ "link", TREE_SYMLINK, tree_store_string(im.tree, "to/there", 8) },
			{ "char", TREE_CHAR_DEVICE, 0x103 },
			{ "block", TREE_BLOCK_DEVICE, 0x3e810305 },
			{ "fifo", TREE_FIFO, 0 },
			{ "socket", TREE_SOCKET, 0 },
			{ "dir", TREE_DIRECTORY, 0 },
			{ "file", TREE_FILE, store(&im, (const uint8_t *)"abc", 3) },
		};
		for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
			inode.type = (uint8_t)nodes[i].type;
			inode.rdev = nodes[i].value;
			inode.size = nodes[i].type == TREE_FILE ? 3 : 0;
			inode.xattrs = x; /* set 0 is a set, too */
			tree_add(im.tree, dir, nodes[i].name, strlen(nodes[i].name),
				tree_add_inode(im.tree, &inode));
		}
	}
	tree_node(im.tree, TREE_ROOT)->xattrs = none;
	image_finish(&im);

	view_open(&v, &im);
	static const struct {
		const char *name;
		enum sqfs_inode_type type;
	} want[] = { { "link", SQFS_SYMLINK }, { "char", SQFS_CHAR_DEVICE }, { "block", SQFS_BLOCK_DEVICE },
		{ "fifo", SQFS_FIFO }, { "socket", SQFS_SOCKET }, { "dir", SQFS_DIR },
		{ "file", SQFS_FILE } };
	for (int with = 0; with < 2; with++) {
		for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
			char path[64];
			snprintf(path, sizeof(path), "%s/%s", with ? "with" : "without", want[i].name);
			struct sqfs_inode inode = lookup(&v, path);
			assert_int_equal(inode.type, want[i].type);
			assert_int_equal(inode.mode, 04755);
			assert_int_equal(inode.mtime, 77);
			assert_int_equal(inode.uid, 0);
			assert_int_equal(inode.nlink, want[i].type == SQFS_DIR ? 2 : 1);
			struct sqfs_xattrs list = { 0 };
			assert_int_equal(sqfs_xattrs_read(v.reader, inode.xattrs, &list, &v.err), 0);
			assert_int_equal(list.count, with ? 2 : 0);
			if (with) {
				assert_string_equal(list.items[0].name, "security.capability");
				assert_int_equal(list.items[0].value_len, 4);
				assert_memory_equal(list.items[0].value, "\1\0\0\2", 4);
				assert_string_equal(list.items[1].name, "user.empty");
				assert_int_equal(list.items[1].value_len, 0);
			}
			sqfs_xattrs_cleanup(&list);
		}
	}
	struct sqfs_inode link = lookup(&v, "with/link"), block = lookup(&v, "with/block"),
			  root = lookup(&v, "");
	_cleanup_free_ char *target = sqfs_symlink(v.reader, &link, &v.err);
	assert_string_equal(target, "to/there");
	assert_int_equal(block.rdev, 0x3e810305);
	assert_int_equal(root.nlink, 4);
	assert_int_equal(root.xattrs, SQFS_NO_XATTR);
	view_close(&v);
	image_end(&im);
}

static void hard_links(void **state)
{
	(void)state;
	struct image im = { 0 };
	struct view v;
	image_begin(&im, "");
	uint32_t a = add_dir(&im, TREE_ROOT, "a"), z = add_dir(&im, TREE_ROOT, "z");
	uint32_t file = add_file(&im, z, "file", (const uint8_t *)"linked", 6);
	uint32_t inode = tree_node_inode(im.tree, file);
	tree_add(im.tree, a, "one", 3, inode);
	tree_add(im.tree, TREE_ROOT, "two", 3, inode);
	image_finish(&im);
	view_open(&v, &im);
	struct sqfs_inode one = lookup(&v, "a/one"), two = lookup(&v, "two"), three = lookup(&v, "z/file");
	assert_int_equal(one.ref, two.ref);
	assert_int_equal(one.ref, three.ref);
	assert_int_equal(one.nlink, 3);
	assert_int_equal(sqfs_image_info(v.image)->inodes, 4);
	expect_file(&v, "two", (const uint8_t *)"linked", 6);
	view_close(&v);
	image_end(&im);
}

/* More entries than a directory of the basic form holds, with an index that leads to each of them. */
static void big_directory(void **state)
{
	(void)state;
	enum { COUNT = 70000 };
	struct image im = { 0 };
	struct view v;
	image_begin(&im, "");
	uint32_t dir = add_dir(&im, TREE_ROOT, "big");
	uint32_t target = tree_store_string(im.tree, "t", 1);
	char name[300];
	for (unsigned i = 0; i < COUNT; i++) {
		int n = snprintf(name, sizeof(name), "%0*u", i % 100 == 0 ? 255 : 6, (i * 7919u) % COUNT);
		struct tree_inode inode = {
			.type = TREE_SYMLINK, .xattrs = TREE_NO_XATTRS, .target = target
		};
		tree_add(im.tree, dir, name, (size_t)n, tree_add_inode(im.tree, &inode));
	}
	image_finish(&im);
	view_open(&v, &im);
	struct sqfs_inode inode = lookup(&v, "big");
	assert_true(inode.dir.index_count > 100);
	struct sqfs_entry entry;
	char before[256] = "";
	unsigned seen = 0;
	struct sqfs_dir it;
	assert_int_equal(sqfs_dir_open(v.reader, &inode, &it, &v.err), 0);
	while (sqfs_dir_next(v.reader, &it, &entry, &v.err) == 1) {
		assert_true(strcmp(before, entry.name) < 0);
		memcpy(before, entry.name, sizeof(before));
		seen++;
	}
	assert_false(error_is_set(&v.err));
	assert_int_equal(seen, COUNT);
	for (unsigned i = 0; i < COUNT; i += 777) {
		int n = snprintf(name, sizeof(name), "%0*u", i % 100 == 0 ? 255 : 6, (i * 7919u) % COUNT);
		assert_int_equal(sqfs_dir_lookup(v.reader, &inode, name, (size_t)n, &entry, &v.err), 1);
	}
	assert_int_equal(sqfs_dir_lookup(v.reader, &inode, "zzz", 3, &entry, &v.err), 0);
	view_close(&v);
	image_end(&im);
}

static void deep_tree(void **state)
{
	(void)state;
	enum { DEPTH = 222000 };
	struct image im = { 0 };
	struct view v;
	image_begin(&im, "");
	uint32_t dir = TREE_ROOT;
	for (unsigned i = 0; i < DEPTH; i++)
		dir = add_dir(&im, dir, "d");
	add_file(&im, dir, "leaf", (const uint8_t *)"leaf", 4);
	image_finish(&im);
	view_open(&v, &im);
	struct sqfs_inode inode;
	assert_int_equal(sqfs_root(v.reader, &inode, &v.err), 0);
	for (unsigned i = 0; i < DEPTH; i++) {
		struct sqfs_entry entry;
		assert_int_equal(sqfs_dir_lookup(v.reader, &inode, "d", 1, &entry, &v.err), 1);
		uint32_t number = inode.number;
		assert_int_equal(sqfs_inode(v.reader, entry.ref, &inode, &v.err), 0);
		assert_int_equal(inode.dir.parent, number);
	}
	view_close(&v);
	image_end(&im);
}

static void empty_tree(void **state)
{
	(void)state;
	struct image im = { 0 };
	struct view v;
	image_begin(&im, "-mkfs-time 55");
	image_finish(&im);
	view_open(&v, &im);
	assert_int_equal(lookup(&v, "").nlink, 2);
	assert_int_equal(sqfs_image_info(v.image)->inodes, 1);
	assert_int_equal(sqfs_image_info(v.image)->mkfs_time, 55);
	view_close(&v);
	image_end(&im);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type),
		cmocka_unit_test(hard_links),
		cmocka_unit_test(big_directory),
		cmocka_unit_test(deep_tree),
		cmocka_unit_test(empty_tree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
