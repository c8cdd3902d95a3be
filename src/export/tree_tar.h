/*
 * export/tree_tar.h - a tree, as it grows, becomes the members of a layer's tar
 *
 * Members stand in the order of the nodes. A file's header needs its data next, so the tar is always behind the tree:
 * it goes on when the data of a file come.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "layer/tar_writer.h"
#include "rootfs/scan.h"
#include "tree/tree.h"

struct tree_tar {
	struct tar_writer *writer;         /* borrowed */
	const char *moved_from, *moved_to; /* a file below /etc that has another name there; may be NULL */
	const char *omit[8];               /* names of files below /etc that are left out; ends with NULL */
	uint64_t left_out_names;           /* names that a layer would take for whiteouts */
	uint64_t left_out_xattrs;

	/* private */
	uint32_t next;   /* the node that is to be written next */
	uint32_t *first; /* of each inode: its first node + 1, or 0 */
	size_t first_capacity, first_count;
	uint8_t *omitted; /* of each node that was passed */
	size_t omitted_capacity;
	bool discards;       /* the file under way is left out */
	uint64_t hole_bytes; /* of that file, so far */
	char *path;
	size_t path_capacity;
	char *link;
	size_t link_capacity;
};

void tree_tar_cleanup(struct tree_tar *t);

/* The sink that writes T. */
struct scan_sink tree_tar_sink(struct tree_tar *t);

/* All data have come: write what is left of TREE, and the end of the tar. */
int tree_tar_finish(struct tree_tar *t, const struct tree *tree, struct error *err);
