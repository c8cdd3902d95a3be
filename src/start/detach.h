/*
 * start/detach.h - a start in the background
 *
 *	caller                            child
 *	detach_fork()  ────── fork ─────▶ setsid, stdin from /dev/null, stdout and stderr to the log,
 *	                                  other descriptors end with the exec
 *	detach_wait()  ◀── the error ──── detach_fail()
 *	               ◀─ end of pipe ─── execve: it has become the command
 */
#pragma once

#include <sys/types.h>

#include "base/error.h"

struct detach {
	pid_t child;
	int channel; /* owned: one end of a pipe that execve(2) closes */
};

/* Fork. LOG is begun anew, mode 0600, with its directory. Returns 0 in the child, 1 in the caller, -1 with ERR. */
int detach_fork(struct detach *d, const char *log, struct error *err);

/* In the caller: wait until the child has become the command; -1 with its error if it could not. */
int detach_wait(struct detach *d, struct error *err);

/* In the child: that is what went wrong. Does not return. */
void detach_fail(struct detach *d, const struct error *err) __attribute__((noreturn));
