/*
 * sandbox/namespaces.h - entering the namespaces of a container
 *
 * One unshare(2) for all, then the id maps. The caller's own ids are the only ones that an unprivileged process
 * may map; setgroups(2) is denied first, as user_namespaces(7) demands.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

struct namespaces {
	bool user;     /* a new user namespace */
	bool map_root; /* with .user: uid and gid 0 inside */
	bool mount;
	bool slave; /* with .mount: make the host's mounts slaves (needed where there is no user namespace) */
	bool pid;   /* takes effect for the next child */
	bool net, ipc, uts;
};

/*
 * Enter those asked for, with one unshare(2); a network namespace gets its loopback up. Mounts made in the mount
 * namespace never reach the host, while the host's keep propagating in. Errors: "failed to create user namespace:
 * STRERROR" with a hint that names what forbids it.
 */
int namespaces_enter(const struct namespaces *ns, struct error *err);
