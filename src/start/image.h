/*
 * start/image.h - an image as a root filesystem: server, FUSE mount, overlay
 *
 *	image file ── image server ── FUSE mount, read-only ─┐
 *	                                                     ├─ overlay: the root filesystem
 *	tmpfs, or the directory of --overlay ── upper, work ─┘
 *
 * Two steps: image_root_begin() outside of all new namespaces (the server stays there), image_root_mount() inside.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "sandbox/fuse/image_server.h"

struct image_overlay {
	int scratch; /* a tmpfs that only the container's mount namespace has (O_PATH), borrowed */
	const char *scratch_path; /* where it is on the host */
	bool native;              /* ENROOT_NATIVE_OVERLAYFS; else the program fuse-overlayfs */
	const char *shell;        /* what will probably be run, in the image; NULL: /bin/sh */
	const char *
		size; /* ENROOT_OVERLAY_SIZE: of the changes in memory, as tmpfs(5) has it; NULL: as SCRATCH */
};

struct image_root {
	struct image_server server;
	int kept;              /* owned: the locked directory of --overlay, or -1 */
	const char *kept_path; /* borrowed */
};

#define IMAGE_ROOT_INIT      ((struct image_root){ .server = IMAGE_SERVER_INIT, .kept = -1 })
#define _cleanup_image_root_ __attribute__((cleanup(image_root_cleanup)))

struct image_request {
	int fd;           /* of the file, borrowed */
	uint64_t offset;  /* where the squashfs begins in it */
	const char *name; /* for messages */
	const char *keep; /* --overlay DIR, made if missing; NULL: changes die with the container */
};

/*
 * Start the server. A directory of --overlay that is in use, belongs to another image or cannot hold an upper layer
 * is refused. The server holds the lock for as long as the container lives.
 */
int image_root_begin(struct image_root *r, const struct image_request *req, struct error *err);

/*
 * Mount all of it, nosuid and nodev. *PATH becomes where the root filesystem is (owned by the caller). Returns an
 * O_PATH descriptor of its top. Where no overlay can be made the root filesystem is the image itself, read-only,
 * with one [WARN].
 */
int image_root_mount(
	struct image_root *r, const struct image_overlay *overlay, char **path, struct error *err);

void image_root_cleanup(struct image_root *r);
