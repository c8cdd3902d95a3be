/*
 * rootfs/scan.h - a directory becomes a tree and its files' data (enroot-image only: it needs the writer)
 *
 * One pass, depth first, names in byte order: so the data lie in the image, whatever the threads and the disk do.
 * Left out are what only a running container needs: entries of /dev, /.enroot and /.lock, directories of mode 000 with
 * what is in them and empty files of mode 000 (targets of mounts), sockets, devices, and what is mounted below. Nothing
 * is followed, nothing recurses, nothing is written but, for a moment, the mode of what its owner may not read.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "squashfs/writer.h"
#include "tree/tree.h"

/* What was left out. */
struct scan_report {
	uint64_t special; /* devices and sockets, not counting /dev */
	uint64_t mounts;
};

/*
 * Scan the directory ROOT (borrowed, readable), which messages call PATH, and pass the data of its files to WRITER.
 * Returns the tree, owned by the caller, whose files have their data; NULL with ERR.
 */
struct tree *scan_rootfs(int root, const char *path, struct sqfs_writer *writer, struct scan_report *report,
	struct error *err);
