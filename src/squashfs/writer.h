/*
 * squashfs/writer.h - writing a squashfs 4.0 image
 *
 * Two phases: file data, streamed (cut into blocks, compressed by worker threads, deduplicated and packed into
 * fragments in the order of submission, so that the bytes depend on nothing else); then the tables, from a
 * tree whose file inodes carry the ids that the first phase gave.
 *
 * Readable by the kernel (4.0), unsquashfs and squashfuse. Owners are 0:0.
 */
#pragma once

#include "base/error.h"
#include "squashfs/options.h"
#include "tree/tree.h"

struct sqfs_writer;

/*
 * Write to FD (borrowed, empty, seekable) from OFFSET on. OPTIONS is copied. NULL with ERR.
 */
struct sqfs_writer *sqfs_writer_new(
	int fd, uint64_t offset, const struct sqfs_options *options, struct error *err);

/*
 * One file at a time, from one thread. SIZE is what will come in all (a mismatch is an error at the end). The id
 * stands for the bytes; an empty file has one too. An error is final: only sqfs_writer_free() may follow.
 */
int sqfs_writer_file_begin(struct sqfs_writer *w, uint64_t size, struct error *err);
int sqfs_writer_file_data(struct sqfs_writer *w, const void *data, size_t len, struct error *err);
int sqfs_writer_file_hole(struct sqfs_writer *w, uint64_t len, struct error *err);
int sqfs_writer_file_end(struct sqfs_writer *w, uint32_t *id, struct error *err);

/*
 * Drain the data phase, write the tables for TREE and the superblock with MKFS_TIME (seconds since 1970; the
 * options' -mkfs-time wins). Pads to 4 KiB. *BYTES (may be NULL) becomes the size of the image. No fsync here.
 */
int sqfs_writer_finish(struct sqfs_writer *w, const struct tree *tree, uint32_t mkfs_time, uint64_t *bytes,
	struct error *err);

/* Stop the threads and free all, after success or failure. */
void sqfs_writer_free(struct sqfs_writer *w);
