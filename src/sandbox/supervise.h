/*
 * sandbox/supervise.h - the parent of a container that has a PID namespace of its own
 *
 * A process cannot enter a PID namespace itself, only its children do. So that the caller notices as little as
 * possible, the parent that stays behind behaves as the container's process would: it stops and continues with it,
 * passes signals on, and ends as it ended. If the parent dies, the kernel kills the container.
 */
#pragma once

#include "base/error.h"

/*
 * Fork. The parent closes RELEASE (0: nothing), a descriptor whose end tells that the container runs. Returns 0 in the child and -1 with ERR on failure; the parent never returns, it ends with the child's exit
 * status or by the same signal.
 */
int supervise_fork(int release, struct error *err);
