#include "../unit.h"

#include <string.h>

#include "base/memory.h"
#include "image/graft.h"

/* A sink that counts files. */
static int begin(void *ctx, const struct tree_file *file, struct error *err)
{
	(void)ctx, (void)file, (void)err;
	return 0;
}

static int data(void *ctx, const void *p, size_t len, struct error *err)
{
	(void)ctx, (void)p, (void)len, (void)err;
	return 0;
}

static int end(void *ctx, uint32_t *id, struct error *err)
{
	(void)err;
	*id = (*(uint32_t *)ctx)++;
	return 0;
}

static uint32_t files;
static const struct layer_sink sink = {
	.ctx = &files, .file_begin = begin, .file_data = data, .file_end = end
};

static uint32_t add(struct tree *t, uint32_t dir, const char *name, struct tree_inode inode)
{
	inode.xattrs = TREE_NO_XATTRS;
	return tree_add(t, dir, name, strlen(name), tree_add_inode(t, &inode));
}

static uint32_t add_link(struct tree *t, uint32_t dir, const char *name, const char *target)
{
	return add(t, dir, name,
		(struct tree_inode){
			.type = TREE_SYMLINK, .target = tree_store_string(t, target, strlen(target)) });
}

static uint32_t find(const struct tree *t, const char *path)
{
	uint32_t node = TREE_ROOT;
	while (node != TREE_NONE && *path != '\0') {
		size_t len = strcspn(path, "/");
		node = tree_lookup(t, node, path, len);
		path += len + (path[len] == '/');
	}
	return node;
}

static void graft(struct tree *t, const char *path)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	assert_int_equal(graft_file(t, &sink, path, "x", 1, 0644, 7, &err), 0);
}

static void what_is_in_the_way_is_replaced(void **state)
{
	(void)state;
	static const uint8_t types[] = { TREE_FILE, TREE_FIFO, TREE_DIRECTORY };
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct tree *t = tree_new();
		uint32_t etc =
			add(t, TREE_ROOT, "etc", (struct tree_inode){ .type = TREE_DIRECTORY, .mode = 0755 });
		uint32_t rc = add(t, etc, "rc", (struct tree_inode){ .type = types[i], .mode = 0600 });
		if (types[i] == TREE_DIRECTORY)
			add(t, rc, "child", (struct tree_inode){ .type = TREE_FIFO });
		graft(t, "etc/rc");
		const struct tree_inode *inode = tree_node(t, find(t, "etc/rc"));
		assert_int_equal(inode->type, TREE_FILE);
		assert_int_equal(inode->mode, 0644);
		assert_int_equal(inode->size, 1);
		assert_int_equal(inode->mtime, 7);
		tree_free(t);
	}
}

static void symlinks_are_replaced_not_followed(void **state)
{
	(void)state;
	struct tree *t = tree_new();
	uint32_t other =
		add(t, TREE_ROOT, "other", (struct tree_inode){ .type = TREE_DIRECTORY, .mode = 0755 });
	add_link(t, TREE_ROOT, "etc", "other");
	graft(t, "etc/rc");
	assert_int_equal(tree_node(t, find(t, "etc"))->type, TREE_DIRECTORY);
	assert_int_equal(tree_first_child(t, other), TREE_NONE);
	tree_free(t);
}

static void a_hard_link_keeps_its_bytes(void **state)
{
	(void)state;
	struct tree *t = tree_new();
	uint32_t etc = add(t, TREE_ROOT, "etc", (struct tree_inode){ .type = TREE_DIRECTORY, .mode = 0755 });
	uint32_t rc = add(
		t, etc, "rc", (struct tree_inode){ .type = TREE_FILE, .data = 99, .xattrs = TREE_NO_XATTRS });
	uint32_t twin = tree_add(t, TREE_ROOT, "twin", 4, tree_node_inode(t, rc));
	graft(t, "etc/rc");
	assert_int_equal(tree_node(t, twin)->data, 99);
	assert_int_equal(tree_node(t, twin)->nlink, 1);
	tree_free(t);
}

static void directories_follow_links_inside_the_root(void **state)
{
	(void)state;
	static const struct {
		const char *link, *target, *path, *made;
	} rows[] = {
		{ "a", "/usr/lib", "/a/b", "usr/lib/b" },
		{ "a", "../../usr", "/a/b", "usr/b" },
		{ "a", "x/../y", "/a/b/c", "y/b/c" },
		{ "a", "x", "/a/../z", "z" },
		{ "a", "/", "/a/a/a/q", "q" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tree *t = tree_new();
		add_link(t, TREE_ROOT, rows[i].link, rows[i].target);
		assert_true(graft_directory(t, rows[i].path, 0));
		uint32_t node = find(t, rows[i].made);
		assert_int_not_equal(node, TREE_NONE);
		assert_int_equal(tree_node(t, node)->mode, 0755);
		tree_free(t);
	}
}

static void directories_that_cannot_be(void **state)
{
	(void)state;
	struct tree *t = tree_new();
	add_link(t, TREE_ROOT, "loop", "loop");
	add(t, TREE_ROOT, "file", (struct tree_inode){ .type = TREE_FILE, .data = 1 });
	char name[300];
	memset(name, 'n', sizeof(name));
	name[299] = '\0';
	assert_false(graft_directory(t, "/loop/x", 0));
	assert_false(graft_directory(t, "/file/x", 0));
	assert_false(graft_directory(t, name, 0));
	assert_true(graft_directory(t, "/", 0));
	tree_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_in_the_way_is_replaced),
		cmocka_unit_test(symlinks_are_replaced_not_followed),
		cmocka_unit_test(a_hard_link_keeps_its_bytes),
		cmocka_unit_test(directories_follow_links_inside_the_root),
		cmocka_unit_test(directories_that_cannot_be),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
