#include "tree/tree.h"

#include <string.h>
#include <sys/random.h>

#include "base/memory.h"
#include "tree/arena.h"
#include "tree/private.h"
#include "tree/siphash.h"

#define FIRST_BUCKETS 256u

static struct node *node_at(const struct tree *t, uint32_t node)
{
	return slab_at(&t->nodes, node);
}

struct tree_inode *tree_inode(const struct tree *t, uint32_t inode)
{
	return slab_at(&t->inodes, inode);
}

uint32_t tree_add_inode(struct tree *t, const struct tree_inode *inode)
{
	uint32_t id = slab_add(&t->inodes);
	struct tree_inode *stored = tree_inode(t, id);
	*stored = *inode;
	stored->nlink = 0;
	return id;
}

struct tree *tree_new(void)
{
	struct tree *t = xcalloc(1, sizeof(*t));
	slab_init(&t->nodes, sizeof(struct node));
	slab_init(&t->inodes, sizeof(struct tree_inode));
	strings_init(&t->strings);
	if (getrandom(&t->key, sizeof(t->key), GRND_NONBLOCK) != sizeof(t->key))
		t->key.k0 = (uintptr_t)t; /* early in boot: less good, never needed for correctness */
	t->bucket_mask = FIRST_BUCKETS - 1;
	t->buckets = xmalloc(FIRST_BUCKETS * sizeof(*t->buckets));
	memset(t->buckets, 0xff, FIRST_BUCKETS * sizeof(*t->buckets));

	uint32_t inode = tree_add_inode(
		t, &(struct tree_inode){ .type = TREE_DIRECTORY, .mode = 0755, .xattrs = TREE_NO_XATTRS });
	tree_inode(t, inode)->nlink = 1;
	char *name = strings_reserve(&t->strings, 1, &(uint32_t){ 0 });
	*name = 0; /* its length */
	struct node *root = node_at(t, slab_add(&t->nodes));
	*root = (struct node){ .parent = TREE_ROOT,
		.inode = inode,
		.first_child = TREE_NONE,
		.next = TREE_NONE,
		.previous = TREE_NONE,
		.chain = TREE_NONE };
	return t;
}

void tree_free(struct tree *t)
{
	if (t == NULL)
		return;
	slab_cleanup(&t->nodes);
	slab_cleanup(&t->inodes);
	strings_cleanup(&t->strings);
	tree_xattrs_cleanup(t);
	free(t->buckets);
	free(t);
}

uint32_t tree_node_count(const struct tree *t)
{
	return t->nodes.count;
}

uint32_t tree_inode_count(const struct tree *t)
{
	return t->inodes.count;
}

uint64_t tree_string_bytes(const struct tree *t)
{
	return strings_bytes(&t->strings);
}

const char *tree_name(const struct tree *t, uint32_t node, size_t *len)
{
	const char *s = strings_at(&t->strings, node_at(t, node)->name);
	*len = (unsigned char)*s;
	return s + 1;
}

static uint32_t bucket_of(const struct tree *t, uint32_t parent, const char *name, size_t len)
{
	struct siphash_key key = { t->key.k0, t->key.k1 ^ parent };
	return (uint32_t)siphash13(key, name, len) & t->bucket_mask;
}

/* One list a bucket, at most as many nodes as buckets. */
static void grow_buckets(struct tree *t)
{
	size_t count = 2 * ((size_t)t->bucket_mask + 1);
	free(t->buckets); /* before the new ones: the peak of memory counts */
	t->buckets = xmalloc(count * sizeof(*t->buckets));
	memset(t->buckets, 0xff, count * sizeof(*t->buckets));
	t->bucket_mask = (uint32_t)(count - 1);
	for (uint32_t i = 1; i < t->nodes.count; i++) {
		struct node *n = node_at(t, i);
		if (n->parent == TREE_NONE)
			continue;
		size_t len;
		const char *name = tree_name(t, i, &len);
		uint32_t *head = &t->buckets[bucket_of(t, n->parent, name, len)];
		n->chain = *head;
		*head = i;
	}
}

static void hash_insert(struct tree *t, uint32_t node, const char *name, size_t len)
{
	struct node *n = node_at(t, node);
	uint32_t *head = &t->buckets[bucket_of(t, n->parent, name, len)];
	n->chain = *head;
	*head = node;
	if (++t->hashed > t->bucket_mask && t->bucket_mask < UINT32_MAX)
		grow_buckets(t);
}

static void hash_remove(struct tree *t, uint32_t node)
{
	size_t len;
	const char *name = tree_name(t, node, &len);
	struct node *n = node_at(t, node);
	uint32_t *link = &t->buckets[bucket_of(t, n->parent, name, len)];
	while (*link != node)
		link = &node_at(t, *link)->chain;
	*link = n->chain;
	t->hashed--;
}

uint32_t tree_lookup(const struct tree *t, uint32_t parent, const char *name, size_t name_len)
{
	uint32_t i = t->buckets[bucket_of(t, parent, name, name_len)];
	for (; i != TREE_NONE; i = node_at(t, i)->chain) {
		const struct node *n = node_at(t, i);
		if (n->parent != parent)
			continue;
		const char *s = strings_at(&t->strings, n->name);
		if ((unsigned char)*s == name_len && memcmp(s + 1, name, name_len) == 0)
			return i;
	}
	return TREE_NONE;
}

uint32_t tree_add(struct tree *t, uint32_t parent, const char *name, size_t name_len, uint32_t inode)
{
	uint32_t offset;
	char *stored = strings_reserve(&t->strings, name_len + 1, &offset);
	stored[0] = (char)name_len;
	memcpy(stored + 1, name, name_len);

	uint32_t node = slab_add(&t->nodes);
	struct node *n = node_at(t, node), *dir = node_at(t, parent);
	*n = (struct node){ .parent = parent,
		.inode = inode,
		.name = offset,
		.first_child = TREE_NONE,
		.next = dir->first_child,
		.previous = TREE_NONE };
	if (dir->first_child != TREE_NONE)
		node_at(t, dir->first_child)->previous = node;
	dir->first_child = node;
	tree_inode(t, inode)->nlink++;
	hash_insert(t, node, name, name_len);
	return node;
}

static void unlink_from_parent(struct tree *t, uint32_t node)
{
	struct node *n = node_at(t, node);
	if (n->previous != TREE_NONE)
		node_at(t, n->previous)->next = n->next;
	else
		node_at(t, n->parent)->first_child = n->next;
	if (n->next != TREE_NONE)
		node_at(t, n->next)->previous = n->previous;
}

static void drop_node(struct tree *t, uint32_t node)
{
	hash_remove(t, node);
	struct node *n = node_at(t, node);
	tree_inode(t, n->inode)->nlink--;
	n->parent = TREE_NONE;
	n->first_child = TREE_NONE;
}

/* Depth first without a stack: a directory goes when its last child is gone. */
void tree_remove_children(struct tree *t, uint32_t node)
{
	uint32_t i = node_at(t, node)->first_child, at = node;
	while (i != TREE_NONE) {
		struct node *n = node_at(t, i);
		if (n->first_child != TREE_NONE) {
			at = i;
			i = n->first_child;
			continue;
		}
		uint32_t next = n->next;
		drop_node(t, i);
		node_at(t, at)->first_child = next;
		i = next;
		if (next == TREE_NONE && at != node) {
			i = at;
			at = node_at(t, at)->parent;
		}
	}
}

void tree_remove(struct tree *t, uint32_t node)
{
	tree_remove_children(t, node);
	unlink_from_parent(t, node);
	drop_node(t, node);
}

void tree_set_inode(struct tree *t, uint32_t node, uint32_t inode)
{
	struct node *n = node_at(t, node);
	tree_inode(t, n->inode)->nlink--;
	tree_inode(t, inode)->nlink++;
	n->inode = inode;
}

uint32_t tree_parent(const struct tree *t, uint32_t node)
{
	return node_at(t, node)->parent;
}

uint32_t tree_node_inode(const struct tree *t, uint32_t node)
{
	return node_at(t, node)->inode;
}

struct tree_inode *tree_node(const struct tree *t, uint32_t node)
{
	return tree_inode(t, node_at(t, node)->inode);
}

uint32_t tree_first_child(const struct tree *t, uint32_t dir)
{
	return node_at(t, dir)->first_child;
}

uint32_t tree_next_sibling(const struct tree *t, uint32_t node)
{
	return node_at(t, node)->next;
}
