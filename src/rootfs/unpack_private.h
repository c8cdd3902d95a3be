/*
 * rootfs/unpack_private.h - shared by the files of unpack only
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "base/buffer.h"
#include "base/queue.h"
#include "rootfs/meta.h"
#include "rootfs/unpack.h"

/* A directory that files are being created in; shared by those who do. */
struct place {
	atomic_uint refs;
	int fd;
	uint32_t dir; /* in unpack.dirs */
};

#define DIR_BITS 30
#define ASIDE \
	((1u << DIR_BITS) - 1) /* placed.dir: not in its directory but in unpack.aside, see aside_name() */

/* Where the bytes of an id are. */
struct placed {
	uint32_t dir : DIR_BITS; /* in unpack.dirs, or ASIDE */
	uint32_t is_home : 1;    /* the tree has it there, under that name and no other */
	uint32_t is_wanted : 1;  /* it is in the tree */
	uint32_t name;           /* offset in unpack.names: one byte of length, then the name */
};

/* A file being written. */
struct incoming {
	atomic_uint refs;    /* pieces not yet written, and who adds them */
	struct place *place; /* NULL: aside */
	int fd;              /* -1: who writes the first piece creates it */
	uint32_t id;
	uint64_t size;
	struct meta meta;
	bool sized; /* it gets its length at once: pieces come in any order, or not at all for zeros */
	struct tree_xattr *xattrs; /* owned, with all they point to */
	size_t xattr_count;
	char name[];
};

struct piece {
	struct incoming *file;
	uint64_t offset;  /* in the file */
	uint32_t at, len; /* in the batch */
};

#define BATCH_BYTES  (256u << 10)
#define BATCH_PIECES 256u
#define BATCH_PLACES 16u /* directories that it holds open */

/* What a thread writes at a time: small files whole, large ones in pieces. */
struct batch {
	unsigned pieces, places;
	uint32_t used;
	struct piece piece[BATCH_PIECES];
	uint8_t data[BATCH_BYTES];
};

#define UNPACK_THREADS_MAX 16u

struct unpack {
	int target; /* borrowed */
	int aside;  /* owned: a directory in TARGET for what has no other place */
	char *aside_name;
	struct rlimit open_files;
	mode_t masked; /* permissions that files do not get at their creation */
	struct unpack_options options;
	struct meta_rules rules;

	struct tree *dirs; /* directories made so far, and nothing else */
	uint32_t dir_inode;
	struct place *place;      /* of the last file */
	struct buffer place_path; /* its path */

	struct incoming *file; /* the one that data come for */
	uint64_t at;           /* in it */
	struct batch *batch;   /* being filled */

	unsigned threads; /* 0: the caller writes */
	pthread_t thread[UNPACK_THREADS_MAX];
	struct queue *empty, *full;

	pthread_mutex_t lock;  /* of all below */
	struct error error;    /* the first one of a thread */
	struct placed *placed; /* by id */
	size_t placed_count, placed_capacity;
	struct buffer names;

	atomic_bool failed;
	_Atomic uint64_t bytes;
};

/* The name of an id in unpack.aside. */
#define ASIDE_NAME_SIZE 16
void aside_name(uint32_t id, char name[ASIDE_NAME_SIZE]);
/* The name that ID was to have, NUL-terminated into NAME. */
void placed_name(const struct unpack *u, uint32_t id, char name[256]);

/* ---- unpack_place.c ---- */

/* Open the directory DIR of unpack.dirs. Returns a descriptor that the caller owns, or -1 with ERR. */
int place_open(const struct unpack *u, uint32_t dir, int flags, struct error *err);
/*
 * The place for files of the directory PATH, made if it is missing. *PLACE is a reference that the caller owns, NULL
 * where a file is in the way.
 */
int place_get(struct unpack *u, const char *path, size_t len, struct place **place, struct error *err);
void place_unref(struct place *place);

/* ---- unpack_write.c ---- */

struct incoming *incoming_new(
	const struct unpack *u, const struct tree_file *file, const char *name, size_t len);
int incoming_open(struct unpack *u, struct incoming *f, struct error *err);
/* Give up a reference; with the last one the file gets its metadata. */
int incoming_unref(struct unpack *u, struct incoming *f, struct error *err);
/* Write a batch, or only give up what it holds once something failed. It is empty afterwards. */
void batch_write(struct unpack *u, struct batch *b);
void *unpack_writer(void *unpack);

/* ---- unpack_settle.c ---- */

/* Move aside, or remove, all that does not lie where TREE has it. */
int unpack_settle(struct unpack *u, const struct tree *tree, struct error *err);

/* ---- unpack_build.c ---- */

/* Make what is missing and give everything its metadata; nothing is aside any more then. */
int unpack_build(struct unpack *u, const struct tree *tree, struct error *err);
