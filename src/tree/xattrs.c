/* tree/xattrs.c - sets of extended attributes, each stored once */

#include <string.h>

#include "base/memory.h"
#include "tree/private.h"

struct xattr_set {
	struct tree_xattr *list; /* one allocation with the names and values behind it */
	size_t count;
	uint64_t hash;
	uint32_t chain;
};

static uint64_t hash_of(const struct tree *t, const struct tree_xattr *list, size_t count)
{
	struct siphash_key key = t->key;
	for (size_t i = 0; i < count; i++) {
		key.k0 = siphash13(key, list[i].name, strlen(list[i].name));
		key.k1 = siphash13(key, list[i].value, list[i].value_len);
	}
	return key.k0 ^ key.k1;
}

static bool sets_equal(const struct xattr_set *set, const struct tree_xattr *list, size_t count)
{
	if (set->count != count)
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct tree_xattr *a = &set->list[i], *b = &list[i];
		if (strcmp(a->name, b->name) != 0 || a->value_len != b->value_len ||
			(a->value_len != 0 && memcmp(a->value, b->value, a->value_len) != 0))
			return false;
	}
	return true;
}

struct tree_xattr *tree_copy_xattrs(const struct tree_xattr *list, size_t count)
{
	size_t size = count * sizeof(*list);
	for (size_t i = 0; i < count; i++)
		size += strlen(list[i].name) + 1 + list[i].value_len;
	struct tree_xattr *copy = xmalloc(size);
	char *at = (char *)(copy + count);
	for (size_t i = 0; i < count; i++) {
		size_t name_size = strlen(list[i].name) + 1;
		memcpy(at, list[i].name, name_size);
		if (list[i].value_len != 0)
			memcpy(at + name_size, list[i].value, list[i].value_len);
		copy[i] = (struct tree_xattr){ at, at + name_size, list[i].value_len };
		at += name_size + list[i].value_len;
	}
	return copy;
}

static void grow_set_buckets(struct tree *t)
{
	size_t buckets = t->set_buckets == NULL ? 64 : 2 * ((size_t)t->set_mask + 1);
	free(t->set_buckets);
	t->set_buckets = xmalloc(buckets * sizeof(*t->set_buckets));
	memset(t->set_buckets, 0xff, buckets * sizeof(*t->set_buckets));
	t->set_mask = (uint32_t)(buckets - 1);
	for (uint32_t i = 0; i < t->set_count; i++) {
		uint32_t *head = &t->set_buckets[t->sets[i].hash & t->set_mask];
		t->sets[i].chain = *head;
		*head = i;
	}
}

uint32_t tree_add_xattrs(struct tree *t, const struct tree_xattr *list, size_t count)
{
	if (count == 0)
		return TREE_NO_XATTRS;
	if (t->set_buckets == NULL || t->set_count > t->set_mask)
		grow_set_buckets(t);
	uint64_t hash = hash_of(t, list, count);
	uint32_t *head = &t->set_buckets[hash & t->set_mask];
	for (uint32_t i = *head; i != TREE_NONE; i = t->sets[i].chain)
		if (t->sets[i].hash == hash && sets_equal(&t->sets[i], list, count))
			return i;
	grow_array(&t->sets, &t->set_capacity, t->set_count + 1);
	t->sets[t->set_count] = (struct xattr_set){ tree_copy_xattrs(list, count), count, hash, *head };
	*head = (uint32_t)t->set_count;
	return (uint32_t)t->set_count++;
}

size_t tree_xattrs(const struct tree *t, uint32_t id, const struct tree_xattr **list)
{
	if (id == TREE_NO_XATTRS) {
		*list = NULL;
		return 0;
	}
	*list = t->sets[id].list;
	return t->sets[id].count;
}

void tree_xattrs_cleanup(struct tree *t)
{
	for (size_t i = 0; i < t->set_count; i++)
		free(t->sets[i].list);
	free(t->sets);
	free(t->set_buckets);
}
