/*
 * tests/unit/fuse/image.h - a small image in memory, and the server with a socket pair in place of /dev/fuse
 */
#pragma once

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "sandbox/fuse/server.h"
#include "squashfs/writer.h"
#include "tree/tree.h"

#define BIG_FILE_BYTES 700001u /* five blocks and a fragment */
#define MANY_ENTRIES   3000u
#define PROGRAM_BYTES  300000u
#define HOLES_BYTES    (4u * 131072 + 1) /* data, three blocks of nothing, data */

#define SMALL_DIRECTORIES 12u

static inline uint8_t big_byte(uint64_t offset)
{
	return (uint8_t)(offset * 7 + offset / 1000);
}

static inline uint32_t add_node(struct tree *t, uint32_t parent, const char *name, struct tree_inode inode)
{
	return tree_add(t, parent, name, strlen(name), tree_add_inode(t, &inode));
}

static inline struct tree_inode file_inode(
	struct sqfs_writer *w, const void *data, size_t len, struct error *err)
{
	struct tree_inode inode = {
		.type = TREE_FILE, .mode = 0644, .size = len, .mtime = 5, .xattrs = TREE_NO_XATTRS
	};
	if (sqfs_writer_file_begin(w, len, err) < 0 ||
		(len > 0 && sqfs_writer_file_data(w, data, len, err) < 0) ||
		sqfs_writer_file_end(w, &inode.data, err) < 0)
		abort();
	return inode;
}

/* PARENT/d0, d1, … with the files a, b and c each. */
static inline void add_small_directories(
	struct tree *t, uint32_t parent, struct tree_inode dir, struct tree_inode file)
{
	for (unsigned i = 0; i < SMALL_DIRECTORIES; i++) {
		char name[8];
		snprintf(name, sizeof(name), "d%u", i);
		uint32_t node = add_node(t, parent, name, dir);
		for (const char *file_name = "a\0b\0c\0"; *file_name != '\0'; file_name += 2)
			add_node(t, node, file_name, file);
	}
}

/*
 * /big, /holes, /program (executable, begins like it), /empty, /link → big, /dir with MANY_ENTRIES files, /small with SMALL_DIRECTORIES, /attr with user.a and
 * user.overlay.opaque (or none).
 */
static inline int make_image(bool xattrs)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct sqfs_options options = SQFS_OPTIONS_DEFAULT;
	options.processors = 1;
	int fd = memfd_create("image", MFD_CLOEXEC);
	struct sqfs_writer *w = sqfs_writer_new(fd, 0, &options, &err);
	struct tree *t = tree_new();
	_cleanup_free_ uint8_t *big = xmalloc(BIG_FILE_BYTES);
	for (size_t i = 0; i < BIG_FILE_BYTES; i++)
		big[i] = big_byte(i);
	add_node(t, TREE_ROOT, "big", file_inode(w, big, BIG_FILE_BYTES, &err));
	struct tree_inode empty = file_inode(w, "", 0, &err), attr = file_inode(w, "x", 1, &err);
	add_node(t, TREE_ROOT, "empty", empty);
	const struct tree_xattr list[] = { { "user.a", "value", 5 }, { "user.overlay.opaque", "y", 1 } };
	attr.xattrs = xattrs ? tree_add_xattrs(t, list, ARRAY_SIZE(list)) : TREE_NO_XATTRS;
	add_node(t, TREE_ROOT, "attr", attr);
	struct tree_inode link = { .type = TREE_SYMLINK, .mode = 0777, .xattrs = TREE_NO_XATTRS };
	link.target = tree_store_string(t, "big", 3);
	add_node(t, TREE_ROOT, "link", link);
	struct tree_inode dir = { .type = TREE_DIRECTORY, .mode = 0755, .xattrs = TREE_NO_XATTRS };
	uint32_t node = add_node(t, TREE_ROOT, "dir", dir);
	for (unsigned i = 0; i < MANY_ENTRIES; i++) {
		char name[32];
		snprintf(name, sizeof(name), "entry-%05u", i);
		add_node(t, node, name, empty);
	}
	uint8_t *holes = xcalloc(1, HOLES_BYTES);
	holes[0] = holes[HOLES_BYTES - 1] = 1;
	add_node(t, TREE_ROOT, "holes", file_inode(w, holes, HOLES_BYTES, &err));
	free(holes);
	struct tree_inode program = file_inode(w, big, PROGRAM_BYTES, &err);
	program.mode = 0755;
	add_node(t, TREE_ROOT, "program", program);
	add_small_directories(t, add_node(t, TREE_ROOT, "small", dir), dir, empty);
	if (sqfs_writer_finish(w, t, 1, NULL, &err) < 0)
		abort();
	sqfs_writer_free(w);
	tree_free(t);
	return fd;
}
