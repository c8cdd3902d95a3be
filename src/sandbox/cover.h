/*
 * sandbox/cover.h - a layer of memory over a root filesystem that its caller cannot write
 *
 * Shared root filesystems are started by many at once: what a start adds or changes ends with it.
 */
#pragma once

#include "base/error.h"

/*
 * Mount an overlay on ROOT whose changes go to a folder of SCRATCH (a tmpfs). PATH is where ROOT is on the host, and
 * what mountinfo shows as the overlay's source: by it a running container is found. The folders at the top of ROOT
 * belong to the caller in the overlay, so that he can add to them. Returns a descriptor of the overlay's root
 * (O_PATH), owned by the caller.
 */
int cover_mount(int root, const char *path, int scratch, struct error *err);
