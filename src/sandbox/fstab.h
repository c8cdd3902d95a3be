/*
 * sandbox/fstab.h - mount files: SRC DST TYPE OPTIONS FREQ PASS, with missing fields guessed
 *
 * The guesses (any explicit list of options switches the implied rbind,x-create=auto off):
 *
 *   /src               /src /src none  rbind,x-create=auto
 *   /src OPTIONS       /src /src none  OPTIONS
 *   /src /dst          /src /dst none  rbind,x-create=auto
 *   tmpfs /dst         tmpfs /dst tmpfs
 *   SRC /dst WORD      WORD is OPTIONS if it holds a comma or is one known option, else the type
 *
 * A lone fifth field is PASS. Pure functions, but for fstab_load(); what mounts is sandbox/mount.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define FSTAB_MAX_BYTES (4u << 20)

#define FSTAB_PASS_SYSTEM (-1) /* before the hooks */
#define FSTAB_PASS_USER   0    /* after the hooks; the default */
/* Any other pass is never mounted (the lines of a distribution's own fstab). */

enum fstab_create { FSTAB_CREATE_NONE, FSTAB_CREATE_AUTO, FSTAB_CREATE_DIR, FSTAB_CREATE_FILE };

/* What the options say, beside flags and data. */
enum fstab_action {
	FSTAB_MOVE = 1 << 0,   /* x-move */
	FSTAB_DETACH = 1 << 1, /* x-detach: lazily unmount the target, nothing else */
	FSTAB_NOFAIL = 1 << 2, /* a failure is a warning */
	FSTAB_SILENT = 1 << 3, /* and not even that */
};

struct fstab_entry {
	char *source; /* relative: to the current directory, or with .source_in_root to the root filesystem */
	char *target; /* in the root filesystem, absolute or not */
	char *type;   /* "none" for binds and the like */
	char *data;   /* options for the file system, comma-separated, or NULL */

	unsigned long flags;   /* MS_*: what was asked for; MS_BIND, MS_BIND|MS_REC, MS_REMOUNT included */
	unsigned long cleared; /* MS_* that were switched off explicitly ("rw", "exec"…) */
	unsigned long propagation; /* MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE, any of them */
	unsigned long recursive;   /* those of .propagation that are meant recursively ("rslave") */
	bool source_in_root;       /* it was ${ENROOT_ROOTFS}/…: no symlink in there may lead to the host */
	enum fstab_create create;
	unsigned actions; /* enum fstab_action */
	int pass;

	char *where; /* for messages: "FILE:LINE" or "--mount" */
};

struct fstab {
	struct fstab_entry *entries; /* in the order of the lines */
	size_t count, capacity;
};

#define FSTAB_INIT      ((struct fstab){ 0 })
#define _cleanup_fstab_ __attribute__((cleanup(fstab_cleanup)))

void fstab_cleanup(struct fstab *t);

/*
 * Append the lines of a file. With HOST (a list like environ) ${VAR} is replaced in each field; NULL: nothing is.
 * NAME is for messages. A line that cannot be understood is an error that names it.
 */
int fstab_parse(struct fstab *t, const char *text, size_t len, const char *name, char *const *host,
	struct error *err);

/* The same for what FD (borrowed) holds. */
int fstab_load(struct fstab *t, int fd, const char *name, char *const *host, struct error *err);

/* Append one "-m" argument: ":" for blanks, empty fields collapse. A blank in it: "Invalid argument: …". */
int fstab_add_option(struct fstab *t, const char *option, struct error *err);

/* Append one entry from its parts (the built-in hooks): as a line of four fields, nothing escaped in it. WHERE
 * names the origin in messages. PASS is 0. */
int fstab_add(struct fstab *t, const char *where, const char *source, const char *target, const char *type,
	const char *options, struct error *err);
