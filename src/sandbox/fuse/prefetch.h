/*
 * sandbox/fuse/prefetch.h - the thread that decodes ahead (private to its files)
 */
#pragma once

#include <string.h>

#include "sandbox/fuse/private.h"

#define AHEAD_FILES 16u

struct prefetch {
	struct fuse_server *server;
	struct sqfs_reader *reader; /* the thread's, as are: */
	cpu_set_t allowed;
	int avoided;                /* the processor that it keeps off; -1: none */
	uint64_t stored;            /* bytes that it has put into the page cache */
	uint64_t seen[AHEAD_FILES]; /* references of files that were to be stored */
	unsigned seen_count;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t wished;
	bool has_wish;
	struct sqfs_extent wish;
	struct sqfs_inode files[AHEAD_FILES]; /* to be stored, in their order */
	unsigned file_count;
};

/* The thread, made now if need be. NULL: there is none. */
struct prefetch *prefetch_begin(struct fuse_server *s);

/* ahead.c, in the thread: put FILE's data into the page cache. */
void ahead_store(struct prefetch *p, const struct sqfs_inode *file);
