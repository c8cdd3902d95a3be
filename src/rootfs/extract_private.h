/*
 * rootfs/extract_private.h - shared by the files of the extraction only
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "rootfs/extract.h"
#include "rootfs/meta.h"
#include "rootfs/refmap.h"

/*
 * A directory being filled. WORK counts the tasks that still need its descriptor: with the last one the
 * directory gets its final mode and times and is closed. REFS counts who points here: the same tasks, and the
 * directories below, which want its name in messages.
 */
struct node {
	struct node *parent; /* NULL: the root */
	atomic_uint refs, work;
	int fd;
	unsigned depth; /* 0: the root */
	struct sqfs_inode inode;
	char name[]; /* in PARENT */
};

/* A large file that several threads write. */
struct shared_file {
	char *name; /* its path, for messages */
	struct sqfs_inode inode;
	int fd;
	atomic_uint chunks; /* not yet written, plus one for who cuts them */
};

struct worker;

/* What a thread can take up. */
struct task {
	struct task *next, *previous; /* in the queue: NEXT is older */
	int (*run)(struct worker *w, struct task *task, struct error *err);
	struct node *node;        /* work is held on it */
	struct shared_file *file; /* chunks: instead */
	uint64_t ref;             /* of a directory's inode */
	unsigned count;           /* entries or extents */
	union {
		struct sqfs_dir dir;         /* entries from here */
		struct sqfs_extents extents; /* extents from here */
	};
	char name[]; /* of a directory, in NODE */
};

struct extraction {
	struct sqfs_image *image;
	const struct sqfs_image_info *info;
	struct extract_options options;
	int target; /* borrowed */
	struct meta_rules rules;
	struct node *root;

	pthread_mutex_t lock; /* of all below up to the counters */
	pthread_cond_t wake;
	struct task *newest, *oldest; /* the newest first, so that few directories are open */
	unsigned open;                /* directories */
	unsigned max_open;            /* with more than these the oldest come first: they are nearly done */
	unsigned pending;             /* tasks queued or running */
	unsigned chunks;              /* tasks of large files queued */
	unsigned waiting;             /* threads with nothing to do */
	struct error error;           /* the first one */
	struct refmap dirs;           /* directories seen: a second time is a loop */

	pthread_mutex_t links_lock;
	struct refmap links; /* inode → number of its name in the directory of links */
	uint64_t link_count;
	int links_dir; /* -1: none yet */
	char *links_name;

	atomic_bool failed;
	_Atomic uint64_t inodes, entries, bytes;
	_Atomic uint64_t skipped_devices, skipped_sockets;
};

/* A thread. */
struct worker {
	struct extraction *x;
	struct sqfs_reader *reader;
	uint8_t *buffer; /* a block */
	pthread_t thread;
};

/* ---- extract_task.c ---- */

struct task *task_new(struct node *node, const char *name);
void task_push(struct extraction *x, struct task *task);
/* Take the task that comes next off the queue (under the lock), or NULL. */
struct task *task_take(struct extraction *x);
/* Work until everything is done or something failed. */
void tasks_run(struct worker *w);
void extract_fail(struct extraction *x, struct error *err);

struct node *node_new(
	struct extraction *x, struct node *parent, const char *name, int fd, const struct sqfs_inode *inode);
void node_hold(struct node *node);
/* Give up work on NODE; the last one finishes the directory. */
int node_release(struct worker *w, struct node *node, struct error *err);
/* The path of NAME in NODE (NULL: of NODE itself), for messages; the caller owns it. */
char *node_path(const struct node *node, const char *name);

/* ---- extract_dir.c ---- */

/* Create the directory of a task and fill it. */
int extract_dir_task(struct worker *w, struct task *task, struct error *err);
/* List NODE: subdirectories become tasks, files are extracted. Work on NODE is the caller's. */
int extract_list(struct worker *w, struct node *node, struct error *err);

/* ---- extract_file.c ---- */

/* Create one entry that is no directory. */
int extract_entry(struct worker *w, struct node *dir, const struct sqfs_entry *entry, struct error *err);
/* Give up a chunk of a large file; the last one finishes it. */
int extract_file_release(struct worker *w, struct shared_file *f, struct error *err);
/* Remove the directory of links. */
int extract_links_finish(struct extraction *x, struct error *err);

/* ---- extract_meta.c ---- */

/* The permission bits that an inode gets in the end. */
mode_t extract_mode(const struct extraction *x, const struct sqfs_inode *inode, unsigned depth);
/* The bits to create it with, so that it can be filled. */
mode_t extract_create_mode(const struct extraction *x, const struct sqfs_inode *inode, unsigned depth);
/* Owner, xattrs, mode and times of an open file or directory. */
int extract_finish_fd(
	struct worker *w, int fd, const struct sqfs_inode *inode, unsigned depth, struct error *err);
/* Owner and times of what is not opened: NAME in DIR. */
int extract_finish_name(
	struct worker *w, int dir, const char *name, const struct sqfs_inode *inode, struct error *err);
