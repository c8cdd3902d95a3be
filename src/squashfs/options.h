/*
 * squashfs/options.h - how an image is to be written (mksquashfs's words)
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "squashfs/codec.h"

struct sqfs_options {
	enum sqfs_compression compression;
	int level;            /* 0: the compressor's default of ours (zstd: 1) */
	uint32_t block_size;  /* bytes, a power of two from 4 KiB to 1 MiB */
	bool plain_data;      /* -noD: file blocks uncompressed */
	bool plain_inodes;    /* -noI: inode, directory and id tables uncompressed */
	bool plain_fragments; /* -noF */
	bool plain_xattrs;    /* -noX */
	bool no_duplicates;   /* -no-duplicates */
	bool no_fragments;    /* -no-fragments */
	bool no_xattrs;       /* -no-xattrs */
	bool has_mkfs_time, has_all_time;
	uint32_t mkfs_time;  /* -mkfs-time, seconds since 1970 */
	uint32_t all_time;   /* -all-time: mtime of every inode */
	unsigned processors; /* -processors; 0: all */
};

/* zstd level 1, 128 KiB blocks */
#define SQFS_OPTIONS_DEFAULT \
	((struct sqfs_options){ .compression = SQFS_ZSTD, .level = 0, .block_size = 128 * 1024 })

/*
 * Parse ENROOT_SQUASH_OPTIONS. Unknown words: one [WARN] each. "-comp lzo" becomes zstd with one [INFO] line
 * (LZO is only read here). A bad value is an error.
 */
int sqfs_options_parse(const char *text, struct sqfs_options *options, struct error *err);

/* Every option that changes the bytes, in one fixed order, for "# enroot-options:". The caller owns it. */
char *sqfs_options_format(const struct sqfs_options *options);
