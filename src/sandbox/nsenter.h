/*
 * sandbox/nsenter.h - joining a container that runs
 *
 * The target is held by a descriptor of its /proc directory from the first look on, so that a PID that is reused
 * meanwhile is noticed. What is joined is what the target has and the caller has not.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/strv.h"

enum nsenter_namespace {
	NSENTER_USER, /* first: it gives the capabilities for the others */
	NSENTER_CGROUP,
	NSENTER_IPC,
	NSENTER_UTS,
	NSENTER_NET,
	NSENTER_PID,
	NSENTER_MOUNT, /* last: /proc changes with it */
	NSENTER_COUNT,
};

#define NSENTER_ALL ((1u << NSENTER_COUNT) - 1)

struct nsenter {
	pid_t pid;
	int proc;                      /* owned: /proc/PID */
	int cwd;                       /* owned: its working directory; -1 without its mount namespace */
	int namespaces[NSENTER_COUNT]; /* owned; -1: the same as the caller's */
};

#define NSENTER_INIT      ((struct nsenter){ .proc = -1, .cwd = -1 })
#define _cleanup_nsenter_ __attribute__((cleanup(nsenter_cleanup)))

void nsenter_cleanup(struct nsenter *t);

/*
 * Look at a process that the caller may signal ("Process not found: PID" otherwise). Of its namespaces those in
 * WANTED (bits by enum nsenter_namespace) are opened.
 */
int nsenter_open(struct nsenter *t, pid_t pid, unsigned wanted, struct error *err);

/* Is the target in the caller's mount namespace, that is, in no container? */
bool nsenter_shares_mounts(const struct nsenter *t);

/* The target's environment: each entry as it is, newlines too. */
int nsenter_read_environment(const struct nsenter *t, struct strv *env, struct error *err);

/*
 * Join, and with the mount namespace change to the target's working directory. With a PID namespace this forks: the parent never returns,
 * it ends as the child ends (sandbox/supervise.h).
 */
int nsenter_join(struct nsenter *t, struct error *err);

/*
 * NO_NEW_PRIVS; unless the caller is root in there, no capabilities; with a user namespace of its own, the filter of
 * start. After nsenter_join().
 */
int nsenter_drop_privileges(const struct nsenter *t, struct error *err);
