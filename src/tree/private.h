/* tree/private.h - the inside of a struct tree, for the files of tree/ only */
#pragma once

#include "tree/arena.h"
#include "tree/siphash.h"
#include "tree/tree.h"

/* 28 bytes. A removed node has .parent TREE_NONE. */
struct node {
	uint32_t parent, inode;
	uint32_t name; /* in the strings: one byte of length, then the name */
	uint32_t first_child;
	uint32_t next, previous; /* siblings */
	uint32_t chain;          /* the next node in the same bucket */
};

struct xattr_set;

struct tree {
	struct slab nodes, inodes;
	struct strings strings;

	struct siphash_key key;
	uint32_t *buckets; /* heads of .chain */
	uint32_t bucket_mask, hashed;

	struct xattr_set *sets; /* tree/xattrs.c */
	size_t set_count, set_capacity;
	uint32_t *set_buckets;
	uint32_t set_mask;
};

void tree_xattrs_cleanup(struct tree *t);
