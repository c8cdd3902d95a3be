/*
 * rootfs/unpack.h - file data that stream in become a directory (enroot-image only)
 *
 * For images that arrive as layers, from the top: data come before anybody knows the tree. Each file is written once,
 * where its layer says that it lies, by several threads; what cannot be there (something of that name is) goes aside.
 * When the layers are merged the tree is the authority: files that lie where the tree has them stay, others are moved
 * or removed, and directories, links, symlinks and metadata are made. In nearly every image nearly all files stay.
 *
 * Until then the directory holds nothing but directories and files of ours: no symlink of an image exists while files
 * are created, and everything is created by single names relative to descriptors, O_EXCL and O_NOFOLLOW. The rules for
 * owners and modes are those of rootfs/extract.h.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "rootfs/extract.h"
#include "tree/tree.h"

struct unpack_options {
	unsigned threads; /* 0: as many as there are processors */
	bool strip_setid; /* as extract_options.strip_setid */
	bool no_xattrs;
	bool has_all_time; /* every mtime is .all_time */
	uint32_t all_time;
};

struct unpack;

/* Fill the directory TARGET (borrowed; fresh, empty, closed to others, made by the caller). NULL with ERR. */
struct unpack *unpack_new(int target, const struct unpack_options *options, struct error *err);

/*
 * One file at a time, from one thread; exactly FILE->size bytes in all. The id stands for the file. An error is final:
 * only unpack_free() may follow, and the caller removes what is there. Interrupts (base/interrupt.h) are errors.
 */
int unpack_file_begin(struct unpack *u, const struct tree_file *file, struct error *err);
int unpack_file_data(struct unpack *u, const void *data, size_t len, struct error *err);
int unpack_file_hole(struct unpack *u, uint64_t len, struct error *err);
int unpack_file_end(struct unpack *u, uint32_t *id, struct error *err);

/*
 * Make the directory what TREE says, whose files carry ids of ours, each id in one inode at most. Owners are 0:0 for
 * root. A file with more names than the file system gives one inode (ext4: 65,000) becomes several files.
 */
int unpack_finish(
	struct unpack *u, const struct tree *tree, struct extract_report *report, struct error *err);

/* File data so far. */
uint64_t unpack_bytes(const struct unpack *u);

/* Stop the threads and free all, after success or failure. NULL is fine. */
void unpack_free(struct unpack *u);
