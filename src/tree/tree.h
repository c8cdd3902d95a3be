/*
 * tree/tree.h - a file tree in memory
 *
 * What layers merge into, what a directory is scanned into, and what a squashfs writer writes. Names and
 * inodes are flat arrays addressed by 32-bit ids, so that a million entries cost about 90 bytes each. Names are
 * bytes, not text; they are hashed with a random key. Depth is not bounded by the stack: nothing here recurses.
 *
 * A node is a name in a directory; hard links are several nodes with one inode. Node 0 is the root directory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TREE_ROOT      0u
#define TREE_NONE      UINT32_MAX /* no node, no inode */
#define TREE_NO_DATA   UINT32_MAX /* a regular file whose bytes are not stored yet */
#define TREE_NO_XATTRS UINT32_MAX

enum tree_type {
	TREE_DIRECTORY = 1,
	TREE_FILE,
	TREE_SYMLINK,
	TREE_BLOCK_DEVICE,
	TREE_CHAR_DEVICE,
	TREE_FIFO,
	TREE_SOCKET,
};

struct tree_inode {
	uint64_t size;   /* TREE_FILE: bytes */
	uint32_t mtime;  /* seconds since 1970, clamped to 32 bits */
	uint32_t nlink;  /* nodes that name this inode (directories: 1) */
	uint32_t xattrs; /* id of a set in the tree, or TREE_NO_XATTRS */
	union {
		uint32_t data;   /* TREE_FILE: id that the data sink gave, or TREE_NO_DATA */
		uint32_t target; /* TREE_SYMLINK: see tree_symlink_target() */
		uint32_t rdev;   /* devices: as the kernel's new_encode_dev */
	};
	uint16_t mode; /* permission bits 07777 */
	uint8_t type;  /* enum tree_type */
	uint8_t mark;  /* free for the owner of the tree, 0 at first */
};

struct tree_xattr {
	const char *name; /* with its prefix: "user.x", "security.capability" */
	const void *value;
	uint32_t value_len; /* bytes, at most 65,535 */
};

/* What is known of a regular file when its data begin to stream; all borrowed, good for that call. */
struct tree_file {
	const char *path; /* clean: relative, no empty, "." or ".." component */
	size_t path_len;
	uint64_t size; /* bytes that will come in all */
	uint32_t mtime;
	uint16_t mode;
	const struct tree_xattr *xattrs;
	size_t xattr_count;
};

struct tree;

/* A tree with a root directory of mode 0755, mtime 0. */
struct tree *tree_new(void);
void tree_free(struct tree *t);

uint32_t tree_node_count(const struct tree *t);  /* ids handed out so far, removed ones too */
uint32_t tree_inode_count(const struct tree *t); /* likewise */
/* Bytes of names and stored strings so far, removed ones too. All must stay below 4 GiB. */
uint64_t tree_string_bytes(const struct tree *t);

/* Add an inode with .nlink 0 to .nlink whatever tree_add() makes of it. The struct is copied. */
uint32_t tree_add_inode(struct tree *t, const struct tree_inode *inode);
/* The inode by its id; the pointer is good as long as the tree. */
struct tree_inode *tree_inode(const struct tree *t, uint32_t inode);

/* Name INODE as NAME (1–255 bytes) in directory node PARENT. It must not exist there. Returns the new node. */
uint32_t tree_add(struct tree *t, uint32_t parent, const char *name, size_t name_len, uint32_t inode);
/* Remove a node and all below it (not the root). */
void tree_remove(struct tree *t, uint32_t node);
/* Remove all that is in a directory. */
void tree_remove_children(struct tree *t, uint32_t node);
/* Let a node name another inode (type changes, replacement); a directory must be empty to become another type. */
void tree_set_inode(struct tree *t, uint32_t node, uint32_t inode);

/* The child called NAME, or TREE_NONE. */
uint32_t tree_lookup(const struct tree *t, uint32_t parent, const char *name, size_t name_len);

uint32_t tree_parent(
	const struct tree *t, uint32_t node); /* the root's is the root, a removed node's TREE_NONE */
const char *tree_name(const struct tree *t, uint32_t node, size_t *len); /* not NUL-terminated */
uint32_t tree_node_inode(const struct tree *t, uint32_t node);
/* Shorthand for tree_inode(t, tree_node_inode(t, node)). */
struct tree_inode *tree_node(const struct tree *t, uint32_t node);

/* Children in no useful order. TREE_NONE ends the list. */
uint32_t tree_first_child(const struct tree *t, uint32_t dir);
uint32_t tree_next_sibling(const struct tree *t, uint32_t node);
#define tree_for_each_child(t, dir, child)                                  \
	for (uint32_t child = tree_first_child(t, dir); child != TREE_NONE; \
		child = tree_next_sibling(t, child))

/* Fill the growing array *IDS (of *CAPACITY; the caller frees it) with the children in byte order of their
 * names. Returns how many. */
size_t tree_sorted_children(const struct tree *t, uint32_t dir, uint32_t **ids, size_t *capacity);

/* Strings (symlink targets, at most 65,535 bytes) live in the tree: store one, and read one of a symlink inode. */
uint32_t tree_store_string(struct tree *t, const char *s, size_t len);
const char *tree_symlink_target(const struct tree *t, const struct tree_inode *inode, size_t *len);

/* Store a set of extended attributes; equal sets (same order) get the same id. COUNT 0: TREE_NO_XATTRS. */
uint32_t tree_add_xattrs(struct tree *t, const struct tree_xattr *list, size_t count);
size_t tree_xattrs(const struct tree *t, uint32_t id, const struct tree_xattr **list);

/* A copy of LIST with all that it points to, in one block of memory that the caller frees. */
struct tree_xattr *tree_copy_xattrs(const struct tree_xattr *list, size_t count);

/* The path of a node from the root without a leading slash ("" for the root); the caller owns it. Long paths
 * are cut at 4 KiB with "…": for messages only. */
char *tree_path(const struct tree *t, uint32_t node);
