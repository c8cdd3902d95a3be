/* tree/strings.c - symlink targets, paths for messages, names in order */

#include <string.h>

#include "base/memory.h"
#include "tree/private.h"

#define STRING_MAX 65535u /* squashfs can hold no longer symlink */
#define PATH_SHOWN 4096u

uint32_t tree_store_string(struct tree *t, const char *s, size_t len)
{
	uint16_t stored_len = (uint16_t)MIN(len, STRING_MAX);
	uint32_t offset;
	char *stored = strings_reserve(&t->strings, sizeof(stored_len) + stored_len, &offset);
	memcpy(stored, &stored_len, sizeof(stored_len));
	memcpy(stored + sizeof(stored_len), s, stored_len);
	return offset;
}

const char *tree_symlink_target(const struct tree *t, const struct tree_inode *inode, size_t *len)
{
	const char *stored = strings_at(&t->strings, inode->target);
	uint16_t stored_len;
	memcpy(&stored_len, stored, sizeof(stored_len));
	*len = stored_len;
	return stored + sizeof(stored_len);
}

static int compare_names(const void *a, const void *b, void *tree)
{
	size_t len_a, len_b;
	const char *name_a = tree_name(tree, *(const uint32_t *)a, &len_a);
	const char *name_b = tree_name(tree, *(const uint32_t *)b, &len_b);
	int order = memcmp(name_a, name_b, MIN(len_a, len_b));
	return order != 0 ? order : (len_a > len_b) - (len_a < len_b);
}

size_t tree_sorted_children(const struct tree *t, uint32_t dir, uint32_t **ids, size_t *capacity)
{
	size_t count = 0;
	tree_for_each_child(t, dir, child) {
		grow_array(ids, capacity, count + 1);
		(*ids)[count++] = child;
	}
	if (count > 1)
		qsort_r(*ids, count, sizeof(**ids), compare_names, (void *)t);
	return count;
}

/* Built from the end, since a node only knows its parent. */
char *tree_path(const struct tree *t, uint32_t node)
{
	static const char cut[] = "…/";
	char path[PATH_SHOWN + 1];
	size_t start = PATH_SHOWN;
	path[start] = '\0';
	for (; node != TREE_ROOT; node = tree_parent(t, node)) {
		size_t len;
		const char *name = tree_name(t, node, &len);
		bool separator = path[start] != '\0';
		if (start < len + separator + strlen(cut)) {
			start -= strlen(cut);
			memcpy(path + start, cut, strlen(cut));
			break;
		}
		if (separator)
			path[--start] = '/';
		start -= len;
		memcpy(path + start, name, len);
	}
	return xstrdup(path + start);
}
