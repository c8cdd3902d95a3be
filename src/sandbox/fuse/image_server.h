/*
 * sandbox/fuse/image_server.h - the image server's life: forked before the namespaces, gone with the last process
 *
 *	start                           server
 *	image_server_begin()   ──fork─▶ (an intermediate ends at once) setsid, give everything up, check the image
 *	unshare(2) …
 *	image_server_mount()
 *	  open /dev/fuse       ───────▶ the devices, and who owns the files
 *	  mount(2)             ───────▶ "mounted"
 *	                       ◀─────── "good", or what is wrong with the image
 *	exec                            serve, until the last mount of the file system is gone
 *
 * The server is no child of the start (where that is neither PID 1 nor a subreaper), so no process of the container
 * can wait for it; it is in none of the container's namespaces, so it pins no mount; it has a session of its own,
 * blocks every signal that can be blocked, and holds nothing but the image, its end of the connection and, for one
 * message, standard error (notice.h). When the start dies before the mount, the connection ends and the server with
 * it; afterwards reading /dev/fuse fails as soon as the mount is gone. Whoever uses the mount before the server is
 * ready is made to wait by the kernel: there is nothing to poll for.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct image_server {
	int control; /* owned: the connection to the server */
	pid_t child; /* the intermediate, to be reaped; 0: none */
};

#define IMAGE_SERVER_INIT      ((struct image_server){ .control = -1 })
#define _cleanup_image_server_ __attribute__((cleanup(image_server_abort)))

struct image_source {
	int fd;           /* of the file, borrowed */
	uint64_t offset;  /* where the squashfs begins in it */
	const char *name; /* for messages */
	int lock;         /* a descriptor to hold as long as the server lives, borrowed; -1: none */
};

/*
 * Fork the server of an image. The caller must have one thread, and be outside the namespaces to come.
 */
int image_server_begin(struct image_server *s, const struct image_source *source, struct error *err);

/*
 * Reap what is left of the forks: no later than before the caller forks itself (a PID namespace's first process
 * cannot wait for its parent's children). image_server_mount() does it otherwise.
 */
int image_server_settle(struct image_server *s, struct error *err);

/*
 * In the namespaces: mount the image on TARGET (O_PATH descriptor of a directory), nosuid, nodev and read-only,
 * all files owned by the caller's effective ids there. What is wrong with the image is an error here ("Invalid
 * image format: NAME").
 */
int image_server_mount(struct image_server *s, int target, struct error *err);

/* Let go; a server without a mount ends by it. Harmless after a mount, and on IMAGE_SERVER_INIT. */
void image_server_abort(struct image_server *s);
