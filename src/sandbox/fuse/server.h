/*
 * sandbox/fuse/server.h - the image server: a squashfs image on /dev/fuse
 *
 * The raw protocol of linux/fuse.h, no library. An inode's node id is its reference in the image, so nothing has
 * to be remembered between requests, and FORGET has nothing to do. The image never changes: every attribute, name
 * and absence of a name is good for ever, OPEN and OPENDIR are answered once: that they are not needed. All files belong to one user.
 *
 * A request is served by whichever thread reads it; threads come as reads of data keep the others busy. A client that
 * asks for one thing after the other is served by a thread on its own processor (companion.h).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct fuse_server;

struct fuse_server_options {
	int image;        /* descriptor of the file, borrowed for ever */
	uint64_t offset;  /* where the squashfs begins in it */
	const char *name; /* what messages call it */
	int notices;      /* where the first failure to read the image is reported; -1: nowhere */
	unsigned threads; /* at most; 0: as the processors suggest */
};

#define FUSE_SERVER_DEVICES     4 /* more descriptors of /dev/fuse than these are not worth their opening */
#define FUSE_SERVER_NONBLOCK(i) ((i) == FUSE_SERVER_DEVICES - 1) /* which of them is opened with O_NONBLOCK */

/* Check the image and make ready. Not a thread is started. NULL with ERR. */
struct fuse_server *fuse_server_new(const struct fuse_server_options *options, struct error *err);

/*
 * Serve the file system that is mounted on devices[0]; the others are not yet connected, and become its clones as
 * threads need them. UID and GID own everything, as ids of the user namespace in which the devices were opened.
 * Returns when the file system is gone.
 */
void fuse_server_run(struct fuse_server *server, const int *devices, unsigned count, uid_t uid, gid_t gid);

/*
 * Before fuse_server_run(): a container is being started, from processor CPU (-1: unknown). The first requests are
 * answered there, and programs that are looked up come ahead, until that is done: a number of requests, a time.
 */
void fuse_server_sit(struct fuse_server *server, int cpu);

/* Only after fuse_server_run() with a single thread, as in tests: the server's process ends otherwise. */
void fuse_server_free(struct fuse_server *server);
