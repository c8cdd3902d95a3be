/*
 * sandbox/fuse/private.h - shared by the image server's files only
 */
#pragma once

#include <linux/fuse.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "sandbox/fuse/companion.h"
#include "sandbox/fuse/server.h"
#include "squashfs/reader.h"

#define CACHE_BYTES        (8u << 20) /* decoded blocks, shared; at least a few whatever the block size */
#define WORKERS_MAX        8
#define REQUEST_BYTES      16384 /* no request of a read-only file system is longer */
#define EARLY_READS        48 /* a program's start needs no second thread: it would cost more than it gives */
#define REQUEST_DATA_BYTES (128u * 1024) /* what the kernel reads at once, whatever max_pages says */
#define MAX_WRITE          4096          /* the least that the kernel takes */
#define REPLY_BYTES        (1u << 20)    /* the longest reply, as max_pages says */
#define FOR_EVER           (1u << 30)    /* seconds; larger ones overflow jiffies on some kernels */
#define DIRECTORY_CURSORS  64
#define FILE_SLOTS         16
#define FILE_MARKS         64

struct directory_cursor {
	uint64_t node;
	uint32_t consumed; /* bytes of the listing */
	struct sqfs_dir at;
};

/* A directory that was listed lately. */
struct listed {
	uint64_t node;
	bool bare; /* without the attributes of what is no directory */
};

/* What the client seems to want of listings (interest.c). */
struct interest {
	bool bare;
	uint64_t probe;           /* a directory whose names may still be asked about; 0: none */
	unsigned age;             /* listings of others since */
	unsigned since, interval; /* full listings since the last probe, and how many there should be */
	struct listed listed[32]; /* a ring */
	unsigned next;
};

/* Where the container is started from (seat.c). */
struct seat {
	_Atomic bool taken; /* it is being started */
	_Atomic unsigned requests;
	int cpu;
	int64_t until; /* clock_ns() */
};

struct fuse_server {
	struct seat seat;
	struct sqfs_image *image;
	int image_fd;
	uint64_t image_offset;
	uint64_t root; /* reference */
	uid_t uid;
	gid_t gid;
	const int *devices;
	unsigned device_count;
	_Atomic uint32_t kernel_flags; /* of FUSE_INIT: what it can do */

	pthread_mutex_t lock;                               /* of what follows */
	struct directory_cursor cursors[DIRECTORY_CURSORS]; /* where listings were left, a ring */
	unsigned next_cursor;
	struct interest interest;
	struct prefetch *prefetch; /* made when first needed */
	bool prefetch_failed;
	struct companion companion; /* has a lock of its own */

	_Atomic unsigned workers, workers_max; /* changed under .lock */
	_Atomic unsigned busy;                 /* workers that are reading data */
	_Atomic uint32_t reads;                /* requests for data so far */
	_Atomic uint32_t last_fragment;        /* that was read from */
	_Atomic uint32_t fragment_run;         /* how many came in their order */
	_Atomic bool noticed;
	int notices;
};

/* A file that a worker has read from lately: where its blocks are is found by walking a list. */
struct open_file {
	uint64_t node;
	struct sqfs_inode inode;
	struct sqfs_extents at;     /* where the last read ended */
	struct sqfs_extents *marks; /* one every .stride blocks; allocated for long files */
	uint32_t stride, marked;    /* blocks; marks that are set */
};

struct worker {
	struct fuse_server *server;
	struct sqfs_reader *reader;
	int device;
	bool is_companion;
	enum { PIPE_CLOSED, PIPE_OPEN, PIPE_USELESS } pipe_state; /* stored.c */
	int pipe[2];
	struct open_file files[FILE_SLOTS];
	uint8_t *reply; /* of .reply_size bytes, behind room for the header */
	size_t reply_size;
	struct error err;
	_Alignas(8) uint8_t request[REQUEST_BYTES];
};

/* A request: the header is in front of the arguments. */
struct request {
	const struct fuse_in_header *in;
	const void *arg;
	size_t len; /* bytes of ARG */
};

/*
 * Operations fill worker_room() and return the bytes of the answer, or -errno. NO_REPLY: say nothing.
 */
#define NO_REPLY (-100000)
typedef ssize_t fuse_op(struct worker *w, const struct request *req);

/* At least LEN bytes for an answer. What an earlier call returned is void. */
void *worker_room(struct worker *w, size_t len);
/* Copy a small answer. */
ssize_t worker_answer(struct worker *w, const void *data, size_t len);
/* After a failure of the reader, which is in w->err: report the first, return -EIO. */
ssize_t worker_failed(struct worker *w);

/* server.c: a detached thread. 0, or -1. */
int start_thread(void *(*run)(void *), void *arg, size_t stack_bytes);

/*
 * server.c: a worker on DEVICE, which is a clone of the first one from worker_connect() on; 0, or -1. worker_read() returns
 * 1 with REQ, 0 if there is none now, -1 when the file system is gone.
 */
struct worker *worker_new(struct fuse_server *s, int device, struct error *err);
void worker_free(struct worker *w);
int worker_connect(struct worker *w);
int worker_read(struct worker *w, struct request *req);
void worker_serve(struct worker *w, const struct request *req);

/* prefetch.c: after reading from the fragment of E; after reading the beginning of a block, with POSITION behind it. */
void prefetch_after_fragment(struct fuse_server *s, const struct sqfs_extent *e);
void prefetch_after_block(struct worker *w, const struct sqfs_extents *position);

/*
 * interest.c: at the beginning of a listing, and at one of its later pieces: without the attributes of all but
 * directories? After its beginning: how many names were given so. After the lookup of something in PARENT that is no
 * directory.
 */
void interest_init(struct interest *i);
bool interest_begin(struct fuse_server *s, uint64_t node, const struct sqfs_inode *dir);
bool interest_goes_on(struct fuse_server *s, uint64_t node);
void interest_listed(struct fuse_server *s, uint64_t node, unsigned bare_names);
void interest_asked(struct fuse_server *s, uint64_t parent);

/* seat.c: after a request: whether it was the one that ends the start. */
bool seat_is_left(struct fuse_server *s);

/* ahead.c: INODE has been looked up as NAME while a container starts. */
void ahead_wish(struct fuse_server *s, const char *name, const struct sqfs_inode *inode);

/* data.c: the next extent of F, as sqfs_extents_next(). */
int file_next(struct worker *w, struct open_file *f, struct sqfs_extent *e);

/*
 * stored.c: answer a request for bytes of F that the image holds as they are. False: not answered; read them. Before a
 * worker is freed: stored_close().
 */
bool stored_send(
	struct worker *w, const struct request *req, struct open_file *f, uint64_t offset, size_t len);
void stored_close(struct worker *w);

/* server.c: another thread, if all are busy. */
void server_grow(struct fuse_server *s);

uint64_t node_of_ref(const struct fuse_server *s, uint64_t ref);
uint64_t ref_of_node(const struct fuse_server *s, uint64_t node);
int node_inode(struct worker *w, uint64_t node, struct sqfs_inode *inode);
void fill_attr(const struct fuse_server *s, const struct sqfs_inode *inode, struct fuse_attr *attr);
void fill_entry(const struct fuse_server *s, const struct sqfs_inode *inode, struct fuse_entry_out *out);
uint32_t type_mode(unsigned type);

fuse_op op_lookup, op_getattr, op_readlink, op_statfs, op_getxattr, op_listxattr, op_readdir, op_readdirplus,
	op_read, op_lseek;
