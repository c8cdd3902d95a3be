/*
 * hooks/hooks.h - what happens to a root filesystem between its system mounts and its user's
 *
 * The built-in hooks and the executables of hooks.d run in one order, that of their names. A built-in answers to
 * "NN-NAME.sh": an executable system file of that name replaces it, one that is not executable switches it off. A
 * user's file runs in addition, after all of the system's.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/strv.h"
#include "config/settings.h"
#include "config/user.h"
#include "sandbox/fstab.h"
#include "sandbox/ids.h"
#include "sandbox/scratch.h"

/* Who the caller is to the host, looked up before there are namespaces: name services may ask who asks. */
struct hooks_caller {
	struct user user;
	char *group; /* owned: the name of his group */
};

void hooks_caller_load(struct hooks_caller *caller, const struct ids *ids);
void hooks_caller_cleanup(struct hooks_caller *caller);

struct hooks_context {
	const struct settings *settings;
	const struct ids *ids;
	const struct hooks_caller *caller;
	int root;           /* the root filesystem, system mounts included; borrowed */
	const char *rootfs; /* its path on the host */
	bool writable;      /* files of the image may be changed; else generated ones are bound over them */

	const struct strv *host; /* the environment outside, as hooks see it */
	struct strv *env;        /* the container's: hooks may add to it */
	struct fstab *fstab;     /* mounts that follow (pass 0): hooks may add to it */

	struct scratch *scratch; /* for what is bound; borrowed */
};

/* Run them all. The first that fails ends it. */
int hooks_run(struct hooks_context *ctx, struct error *err);

/*
 * The files of the scratch space by which hooks that are programs work: hooks_write_files() writes the container's
 * environment and an empty mount file if there is none; the others take over what was appended.
 */
#define HOOKS_ENVIRON_FILE "environment" /* $ENROOT_ENVIRON */
#define HOOKS_MOUNTS_FILE  "fstab"       /* $ENROOT_MOUNTS */
int hooks_write_files(struct hooks_context *ctx, struct error *err);
int hooks_read_environment(struct hooks_context *ctx, struct error *err);
int hooks_read_mounts(struct hooks_context *ctx, struct error *err);

/* Are there any files in hooks.d? What those write cannot be known beforehand. */
bool hooks_have_files(const struct hooks_context *ctx);

/* Will a built-in hook have to add something to the root filesystem as it is? */
bool hooks_add_files(const struct hooks_context *ctx);
