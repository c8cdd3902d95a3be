/*
 * rootfs/scan.h - a directory becomes a tree and its files' data (enroot-image only: it needs the writer)
 *
 * One pass, depth first, names in byte order: so the data lie in the image, whatever the threads and the disk do.
 * Left out are what only a running container needs: entries of /dev, /.enroot and /.lock, directories of mode 000 with
 * what is in them and empty files of mode 000 (targets of mounts), sockets, devices, and what is mounted below. Nothing
 * is followed, nothing recurses, nothing is written but, for a moment, the mode of what its owner may not read.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/progress.h"
#include "squashfs/writer.h"
#include "tree/tree.h"

/* What was left out. */
struct scan_report {
	uint64_t special; /* devices and sockets, not counting /dev */
	uint64_t mounts;
};

/*
 * Where the data of the files go. One file at a time, in the order of the scan: begin, any mix of data and holes, end.
 * NODE is the file's place in the TREE so far, in which nodes are numbered in the order of the scan; nodes behind it may be
 * there already. The id given at the end becomes the inode's .data.
 */
struct scan_sink {
	void *ctx;
	int (*file_begin)(
		void *ctx, const struct tree *tree, uint32_t node, uint64_t size, struct error *err);
	int (*file_data)(void *ctx, const void *data, size_t len, struct error *err);
	int (*file_hole)(void *ctx, uint64_t len, struct error *err); /* zeros */
	int (*file_end)(void *ctx, uint32_t *id, struct error *err);
	struct progress *progress; /* by entries: files, that is; borrowed, may be NULL */
};

/*
 * Scan the directory ROOT (borrowed, readable), which messages call PATH. Returns the tree, owned by the caller; NULL
 * with ERR.
 */
struct tree *scan_tree(int root, const char *path, const struct scan_sink *sink, struct scan_report *report,
	struct error *err);

/* Is the extended attribute NAME one that leaves the machine with its file? */
bool scan_keeps_xattr(const char *name);

/*
 * Scan the directory ROOT (borrowed, readable), which messages call PATH, and pass the data of its files to WRITER.
 * PROGRESS as in scan_sink. Returns the tree, owned by the caller, whose files have their data; NULL with ERR.
 */
struct tree *scan_rootfs(int root, const char *path, struct sqfs_writer *writer, struct progress *progress,
	struct scan_report *report, struct error *err);
