/*
 * base/interrupt.h - ending promptly on SIGINT, SIGTERM, SIGHUP
 *
 * Long commands (import, create, export, remove) unwind on these signals, so that their temporary files and
 * trees go with them, and then die by the signal. Threads poll interrupt_requested() between units of work.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"

/* Install the handlers (no SA_RESTART: blocking calls return EINTR). SIGPIPE is ignored. */
void interrupt_install(void);

bool interrupt_requested(void);

/* 0, or -1 with ERR "interrupted" (EINTR) when the program was asked to end. */
int interrupt_check(struct error *err);

/* After cleaning up: die by the signal that was received, or return if there was none. */
void interrupt_reraise(void);
