/*
 * start/start.h - from a root filesystem and a command to a running container
 *
 * start_run() is the pipeline; it reads like the list in doc/architecture.md. The process that calls it becomes
 * the container's: nothing is forked (but for a PID namespace, hooks and scripts), and one execve(2) ends it.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/strv.h"
#include "config/settings.h"

struct start_request {
	const struct settings *settings; /* flags of the command line included */
	const char *rootfs;              /* directory on the host, or what an image is called in messages */
	int image;              /* descriptor of an image file (borrowed); -1: rootfs is a directory */
	uint64_t image_offset;  /* where the squashfs begins in it */
	const char *overlay;    /* image: the directory that keeps the changes; NULL: memory */
	const char *conf;       /* bash script with environ(), mounts(), hooks(), rc(); NULL: none */
	const char *rc;         /* command script on the host (a FIFO will do); NULL: the image's /etc/rc */
	const struct strv *env; /* "KEY" or "KEY=VALUE", in order */
	const struct strv *mounts; /* fstab lines with ":" for blanks, in order */
	char *const *command;      /* NULL-terminated; empty: an interactive shell */

	int channel; /* closed by execve(2), and by a supervisor: see start/detach.h; 0: none */

	/* Called with the scratch directory (O_PATH, borrowed) before any configuration is read; NULL: not. */
	int (*prepare)(void *arg, int scratch, struct error *err);
	void *prepare_arg;
};

/*
 * Returns only when the container could not be started (-1), or when it has nothing to run (0: it is closed to
 * ordinary users).
 */
int start_run(const struct start_request *req, struct error *err);
