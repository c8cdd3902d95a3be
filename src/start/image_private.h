/*
 * start/image_private.h - the pieces of image.h (private to its files)
 *
 * In the scratch directory, the folder "image":
 *
 *	lower/    the image
 *	changes/  upper/ and work/: in memory, or the directory of --overlay bound here
 *	root/     the overlay
 */
#pragma once

#include <stdint.h>

#include "start/image.h"

#define PLACE   "image"
#define LOWER   "lower"
#define CHANGES "changes"
#define UPPER   CHANGES "/upper"
#define WORK    CHANGES "/work"
#define ROOT    "root"

/* An overlay in the making. */
struct assembly {
	const struct image_overlay *overlay;
	int top;   /* the folder "image" (O_PATH) */
	int lower; /* the mounted image (O_PATH) */
	int kept;  /* the directory of --overlay, or -1 */
	const char *kept_path;
};

/* Make the directory NAME, and open it (O_PATH). */
int assembly_make(int dir, const char *name, struct error *err);
/* Mount the rest; *PATH and the result are as image_root_mount(). */
int assembly_mount(const struct assembly *a, char **path, struct error *err);

/*
 * The same by the program fuse-overlayfs, on TARGET, with lower/ and changes/ in the directory DIR. It runs in
 * a mount namespace of its own, which dies with it, and it ends when the container's mount of it is gone.
 */
int fuse_overlay_mount(const char *dir, int target, struct error *err);
/* Is the program there? */
bool fuse_overlay_exists(void);

/*
 * The directory of --overlay: make it, lock it, check that it belongs to the image in FD. Returns a descriptor that
 * the caller owns; the lock is held as long as a copy of it is open.
 */
int kept_open(const char *path, int fd, uint64_t offset, struct error *err);
