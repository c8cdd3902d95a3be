/*
 * export/image_scan.h - a squashfs image becomes a tree and its files' data, as rootfs/scan.h makes of a directory
 *
 * In the same order, and without the same things: devices, sockets, entries of /dev, what starts left for mounts. The image
 * is hostile: what it makes of us is bounded.
 */
#pragma once

#include "rootfs/scan.h"
#include "squashfs/reader.h"

struct image_scan_limits {
	uint64_t max_bytes, max_inodes;
};

struct tree *image_scan(struct sqfs_image *image, const struct image_scan_limits *limits,
	const struct scan_sink *sink, struct scan_report *report, struct error *err);
