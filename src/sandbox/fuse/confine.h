/*
 * sandbox/fuse/confine.h - what the image server gives up before it looks at a hostile image
 */
#pragma once

#include "base/error.h"

/*
 * Leave the caller's session, terminal and working directory; block every signal; close all descriptors but those
 * KEPT (negative ones are passed over).
 */
void confine_detach(const int *kept, unsigned count);

/*
 * No new privileges, no capabilities, undumpable, a limit on memory, and an allow-list of system calls in which
 * nothing opens, connects or executes. For good. Builds with sanitizers keep their memory and their system calls.
 */
int confine(struct error *err);
