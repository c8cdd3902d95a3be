/*
 * rootfs/extract.h - an image becomes a directory
 *
 * Names, types, contents, holes, hard links, times and xattrs are the image's. For a caller other than root,
 * owners are the caller, setuid and setgid are stripped, devices left out, and modes are repaired so that the
 * owner can read everything and write directories; for root, modes and owners are the image's.
 *
 * The image is hostile: everything is created by single names relative to descriptors of directories made here,
 * O_EXCL and O_NOFOLLOW, so that nothing outside the target can be touched.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/progress.h"
#include "squashfs/reader.h"

struct extract_options {
	unsigned threads;          /* 0: as many as there are processors */
	bool strip_setid;          /* setuid and setgid bits and file capabilities go, for root too */
	uint64_t max_bytes;        /* of file data; 0: 1 TiB */
	uint64_t max_inodes;       /* entries; 0: 50 million */
	struct progress *progress; /* by entries; borrowed, may be NULL */
};

/* What was left out. */
struct extract_report {
	uint64_t devices, sockets;
	uint64_t xattrs; /* that the file system or our rights did not allow */
	uint64_t owners; /* that our rights did not allow */
};

/* The cache that an image should be opened with for extraction by THREADS threads (0: all processors). */
size_t extract_cache_bytes(unsigned threads);

/*
 * Extract IMAGE into the directory TARGET (borrowed; fresh and empty, made by the caller), whose mode, owner and
 * times become those of the image's root. Ends promptly on a signal (base/interrupt.h). After a failure the
 * caller removes what is there. The process' umask is 0 meanwhile.
 */
int extract_image(struct sqfs_image *image, int target, const struct extract_options *options,
	struct extract_report *report, struct error *err);
