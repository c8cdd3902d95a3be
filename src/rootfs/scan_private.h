/*
 * rootfs/scan_private.h - shared by the files of the scan only
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "base/queue.h"
#include "rootfs/refmap.h"
#include "rootfs/scan.h"

#define WINDOW       64u           /* files read ahead */
#define SMALL_FILE   (256u * 1024) /* up to this a file is read ahead as a whole */
#define READER_COUNT 4u            /* threads that wait for the disk */

/* A file on its way to the writer. */
struct scan_job {
	uint32_t node;
	int fd; /* owned; -1 once it is read */
	uint64_t size;
	uint8_t *data; /* owned, reused from file to file */
	size_t capacity;
	size_t len;  /* bytes read into DATA */
	bool whole;  /* to be read into DATA; else it is streamed */
	bool sparse; /* look for holes */
	bool ready;  /* under the lock of the readers */
	int failure; /* errno */
};

struct scan_readers {
	pthread_mutex_t lock;
	pthread_cond_t done;
	struct queue *queue; /* NULL: none running yet */
	pthread_t threads[READER_COUNT];
	unsigned count;
};

struct scan {
	const char *path;
	struct tree *tree;
	const struct scan_sink *sink;
	struct scan_report *report;
	uint64_t dev, mount; /* of the root */
	bool has_mount;
	bool in_memory;      /* a file system without a disk: nothing to wait for */
	struct refmap links; /* inode number → inode of the tree, for files of several names */

	struct scan_job jobs[WINDOW]; /* a ring: FIRST is fed next */
	unsigned first, job_count;
	struct scan_readers readers;
	uint8_t *stream; /* for what is streamed */
};

/* ---- scan_data.c ---- */

/* Take over FD, the file of NODE, and feed what is ready. */
int scan_data_add(struct scan *s, uint32_t node, int fd, const struct statx *st, struct error *err);
/* Feed all that is left. */
int scan_data_drain(struct scan *s, struct error *err);
/* Stop the readers and free. */
void scan_data_cleanup(struct scan *s);

/* ---- scan_xattr.c ---- */

/* The set of xattrs of FD that an image keeps. */
int scan_xattrs(struct scan *s, int fd, uint32_t *id, struct error *err);
