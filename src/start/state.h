/*
 * start/state.h - what the stages of a start hand on to each other (private to the room)
 */
#pragma once

#include <stdbool.h>

#include "sandbox/fstab.h"
#include "sandbox/ids.h"
#include "sandbox/login.h"
#include "sandbox/scratch.h"
#include "start/image.h"
#include "start/start.h"

struct start {
	const struct start_request *req;
	const struct settings *settings;
	struct ids ids;
	struct image_root image;

	int root;     /* the root filesystem's mount; -1 before start_mount_root */
	char *rootfs; /* its canonical path on the host */

	bool has_overlay; /* whatever changes, changes in memory */
	struct scratch scratch;

	struct strv
		host;    /* the environment outside, with the settings and ENROOT_ROOTFS: what ${VAR} means */
	struct strv env; /* the environment inside */
	struct fstab fstab, hook_mounts;
	int script; /* the command script, inherited; -1: the image's /etc/rc, if there is one */
	struct login login;
};

#define _cleanup_start_ __attribute__((cleanup(start_cleanup)))

/* start/files.c: what the configuration directories and the root filesystem say. */
int start_read_environment(struct start *s, struct error *err);
int start_read_mounts(struct start *s, struct error *err);
