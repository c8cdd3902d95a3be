/*
 * start/state.h - what the stages of a start hand on to each other (private to the room)
 */
#pragma once

#include <stdbool.h>

#include "hooks/hooks.h"
#include "sandbox/fstab.h"
#include "sandbox/ids.h"
#include "sandbox/login.h"
#include "sandbox/scratch.h"
#include "start/conf.h"
#include "start/image.h"
#include "start/start.h"

struct start {
	const struct start_request *req;
	const struct settings *settings;
	struct ids ids;
	struct hooks_caller caller;
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
	struct conf conf;
	struct login login;
	bool is_closed; /* the container's nologin: nothing is run */
};

#define _cleanup_start_ __attribute__((cleanup(start_cleanup)))

/* start/files.c: what the configuration directories and the root filesystem say. */
int start_read_environment(struct start *s, struct error *err);
int start_read_mounts(struct start *s, struct error *err);

bool start_is_on(const struct start *s, enum setting key);
struct hooks_context start_hooks_context(struct start *s);

/* start/direct.c: after exec_run() failed: the command of an image that has no SHELL. */
bool start_lacks_shell(const char *shell);
int start_exec_directly(struct start *s, const char *shell, struct error *err);

/* The stages, in start/root.c and start/outfit.c; the others are in start/start.c. */
int start_mount_root(struct start *s, struct error *err);
int start_source_conf(struct start *s, struct error *err);
int start_load_environment(struct start *s, struct error *err);
int start_cover_root(struct start *s, struct error *err);
int start_mount_system(struct start *s, struct error *err);
int start_run_hooks(struct start *s, struct error *err);
int start_mount_user(struct start *s, struct error *err);
int start_choose_script(struct start *s, struct error *err);
