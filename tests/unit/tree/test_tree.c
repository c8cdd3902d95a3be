#include "../unit.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "tree/tree.h"

static uint32_t add(struct tree *t, uint32_t parent, const char *name, enum tree_type type)
{
	struct tree_inode inode = { .type = (uint8_t)type, .mode = 0644, .xattrs = TREE_NO_XATTRS };
	return tree_add(t, parent, name, strlen(name), tree_add_inode(t, &inode));
}

static uint32_t find(const struct tree *t, uint32_t parent, const char *name)
{
	return tree_lookup(t, parent, name, strlen(name));
}

static void a_new_tree_is_its_root(void **state)
{
	struct tree *t = tree_new();
	assert_int_equal(tree_node_count(t), 1);
	assert_int_equal(tree_parent(t, TREE_ROOT), TREE_ROOT);
	assert_int_equal(tree_first_child(t, TREE_ROOT), TREE_NONE);
	assert_int_equal(tree_node(t, TREE_ROOT)->type, TREE_DIRECTORY);
	assert_int_equal(tree_node(t, TREE_ROOT)->mode, 0755);
	assert_int_equal(tree_node(t, TREE_ROOT)->nlink, 1);
	_cleanup_free_ char *path = tree_path(t, TREE_ROOT);
	assert_string_equal(path, "");
	tree_free(t);
}

static void names_are_bytes(void **state)
{
	struct tree *t = tree_new();
	char longest[255];
	memset(longest, 0xff, sizeof(longest));
	uint32_t a = add(t, TREE_ROOT, "a", TREE_DIRECTORY);
	uint32_t b = add(t, a, "\xc3\x28", TREE_FILE);
	uint32_t c = tree_add(t, a, longest, sizeof(longest), tree_node_inode(t, b));
	assert_int_equal(find(t, a, "\xc3\x28"), b);
	assert_int_equal(tree_lookup(t, a, longest, sizeof(longest)), c);
	assert_int_equal(tree_lookup(t, a, longest, 254), TREE_NONE);
	assert_int_equal(find(t, TREE_ROOT, "\xc3\x28"), TREE_NONE);
	assert_int_equal(tree_node(t, b)->nlink, 2);
	size_t len;
	assert_memory_equal(tree_name(t, c, &len), longest, sizeof(longest));
	assert_int_equal(len, 255);
	_cleanup_free_ char *path = tree_path(t, b);
	assert_string_equal(path, "a/\xc3\x28");
	tree_free(t);
}

static void removal_takes_links_and_names(void **state)
{
	struct tree *t = tree_new();
	uint32_t d = add(t, TREE_ROOT, "d", TREE_DIRECTORY);
	uint32_t e = add(t, d, "e", TREE_DIRECTORY);
	uint32_t f = add(t, e, "f", TREE_FILE);
	add(t, e, "g", TREE_FILE);
	uint32_t h = tree_add(t, TREE_ROOT, "h", 1, tree_node_inode(t, f));
	uint32_t inode = tree_node_inode(t, f);
	tree_remove(t, d);
	assert_int_equal(find(t, TREE_ROOT, "d"), TREE_NONE);
	assert_int_equal(find(t, d, "e"), TREE_NONE);
	assert_int_equal(find(t, e, "f"), TREE_NONE);
	assert_int_equal(tree_inode(t, inode)->nlink, 1);
	assert_int_equal(tree_first_child(t, TREE_ROOT), h);
	assert_int_equal(tree_next_sibling(t, h), TREE_NONE);
	uint32_t again = add(t, TREE_ROOT, "d", TREE_FILE);
	assert_int_equal(find(t, TREE_ROOT, "d"), again);
	tree_remove_children(t, TREE_ROOT);
	assert_int_equal(tree_first_child(t, TREE_ROOT), TREE_NONE);
	assert_int_equal(tree_inode(t, inode)->nlink, 0);
	tree_free(t);
}

static void set_inode_moves_the_link(void **state)
{
	struct tree *t = tree_new();
	uint32_t a = add(t, TREE_ROOT, "a", TREE_FILE), b = add(t, TREE_ROOT, "b", TREE_SYMLINK);
	uint32_t old = tree_node_inode(t, a);
	tree_set_inode(t, a, tree_node_inode(t, b));
	assert_int_equal(tree_node(t, a)->type, TREE_SYMLINK);
	assert_int_equal(tree_node(t, a)->nlink, 2);
	assert_int_equal(tree_inode(t, old)->nlink, 0);
	tree_set_inode(t, a, tree_node_inode(t, a)); /* to itself: nothing changes */
	assert_int_equal(tree_node(t, a)->nlink, 2);
	tree_free(t);
}

/* A 450 KB archive can hold a tree 222,000 deep. */
static void depth_is_not_bounded_by_the_stack(void **state)
{
	struct tree *t = tree_new();
	uint32_t at = TREE_ROOT;
	for (int i = 0; i < 1000000; i++)
		at = add(t, at, "a", TREE_DIRECTORY);
	_cleanup_free_ char *path = tree_path(t, at);
	assert_true(strlen(path) <= 4096);
	assert_true(str_starts_with(path, "…/a/a"));
	tree_remove(t, find(t, TREE_ROOT, "a"));
	assert_int_equal(tree_first_child(t, TREE_ROOT), TREE_NONE);
	tree_free(t);
}

static void children_in_byte_order(void **state)
{
	static const char *const names[] = { "b", "a", "\xff", "a.b", "a0", "A", "ab" };
	static const char *const sorted[] = { "A", "a", "a.b", "a0", "ab", "b", "\xff" };
	struct tree *t = tree_new();
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		add(t, TREE_ROOT, names[i], TREE_FILE);
	uint32_t *ids = NULL;
	size_t capacity = 0, count = tree_sorted_children(t, TREE_ROOT, &ids, &capacity);
	assert_int_equal(count, ARRAY_SIZE(sorted));
	for (size_t i = 0; i < count; i++)
		assert_int_equal(ids[i], find(t, TREE_ROOT, sorted[i]));
	assert_int_equal(tree_sorted_children(t, ids[0], &ids, &capacity), 0);
	free(ids);
	tree_free(t);
}

static void symlink_targets(void **state)
{
	struct tree *t = tree_new();
	char longest[65535];
	memset(longest, 'x', sizeof(longest));
	for (size_t len = 0; len <= sizeof(longest); len += 4369) {
		struct tree_inode inode = { .type = TREE_SYMLINK,
			.target = tree_store_string(t, longest, len) };
		uint32_t id = tree_add_inode(t, &inode);
		size_t got;
		const char *target = tree_symlink_target(t, tree_inode(t, id), &got);
		assert_int_equal(got, len);
		assert_memory_equal(target, longest, len);
	}
	tree_free(t);
}

static void equal_xattr_sets_share_an_id(void **state)
{
	struct tree *t = tree_new();
	const struct tree_xattr a[] = { { "user.a", "1", 1 }, { "user.b", NULL, 0 } };
	const struct tree_xattr b[] = { { "user.a", "1", 1 }, { "user.b", "x", 1 } };
	assert_int_equal(tree_add_xattrs(t, a, 0), TREE_NO_XATTRS);
	uint32_t first = tree_add_xattrs(t, a, 2);
	uint32_t second = tree_add_xattrs(t, b, 2);
	assert_int_not_equal(first, second);
	for (int i = 0; i < 1000; i++) {
		char value[16];
		int len = snprintf(value, sizeof(value), "%d", i);
		struct tree_xattr x = { "user.n", value, (uint32_t)len };
		tree_add_xattrs(t, &x, 1);
	}
	assert_int_equal(tree_add_xattrs(t, a, 2), first);
	assert_int_equal(tree_add_xattrs(t, b, 2), second);
	const struct tree_xattr *list;
	assert_int_equal(tree_xattrs(t, second, &list), 2);
	assert_string_equal(list[1].name, "user.b");
	assert_memory_equal(list[1].value, "x", 1);
	assert_int_equal(tree_xattrs(t, TREE_NO_XATTRS, &list), 0);
	tree_free(t);
}

/* Random adds and removals against a plain array of paths. */
#define MODEL_NAMES 12
#define MODEL_STEPS 60000

struct model_entry {
	uint32_t parent, node; /* node TREE_NONE: free */
	int name;
};

static bool below(const struct tree *t, uint32_t node, uint32_t top)
{
	for (; node != TREE_ROOT && node != TREE_NONE; node = tree_parent(t, node))
		if (node == top)
			return true;
	return false;
}

static void behaves_as_a_list_of_names(void **state)
{
	static struct model_entry model[400];
	struct tree *t = tree_new();
	size_t live = 0;
	srand(7);
	for (int step = 0; step < MODEL_STEPS; step++) {
		uint32_t parent = live == 0 || rand() % 4 == 0 ? TREE_ROOT : model[rand() % (int)live].node;
		int name = rand() % MODEL_NAMES;
		char text[8];
		snprintf(text, sizeof(text), "n%d", name);
		uint32_t expected = TREE_NONE;
		for (size_t i = 0; i < live; i++)
			if (model[i].parent == parent && model[i].name == name)
				expected = model[i].node;
		assert_int_equal(find(t, parent, text), expected);
		if (expected == TREE_NONE && live < ARRAY_SIZE(model)) {
			model[live++] =
				(struct model_entry){ parent, add(t, parent, text, TREE_DIRECTORY), name };
		} else if (expected != TREE_NONE && rand() % 3 == 0) {
			size_t kept = 0;
			for (size_t i = 0; i < live; i++)
				if (!below(t, model[i].node, expected))
					model[kept++] = model[i];
			live = kept;
			tree_remove(t, expected);
		}
	}
	size_t reached = 0;
	for (size_t i = 0; i < live; i++)
		tree_for_each_child(t, model[i].node, child)
			reached++;
	tree_for_each_child(t, TREE_ROOT, child)
		reached++;
	assert_int_equal(reached, live);
	tree_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_tree_is_its_root),
		cmocka_unit_test(names_are_bytes),
		cmocka_unit_test(removal_takes_links_and_names),
		cmocka_unit_test(set_inode_moves_the_link),
		cmocka_unit_test(depth_is_not_bounded_by_the_stack),
		cmocka_unit_test(children_in_byte_order),
		cmocka_unit_test(symlink_targets),
		cmocka_unit_test(equal_xattr_sets_share_an_id),
		cmocka_unit_test(behaves_as_a_list_of_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
