/*
 * sandbox/privileges.h - giving up what the container must not have
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"

/*
 * Programs that are started between the two calls keep the capabilities of this process, which an ordinary uid
 * loses at execve(2): hooks and conf scripts mount things. Nothing to do for uid 0.
 */
int privileges_lend(struct error *err);
void privileges_take_back(void);

/*
 * NO_NEW_PRIVS and a new cgroup namespace, always; without KEEP_CAPABILITIES all capabilities are dropped. The
 * standard build gives back the speculation that the caller may have switched off (codes lose up to a third by
 * it); the hardened one leaves it.
 */
int privileges_drop(bool keep_capabilities, struct error *err);

/* The hardened build closes every inherited descriptor above 2 at exec, but for KEEP (-1: none). */
int privileges_close_descriptors(int keep, struct error *err);
