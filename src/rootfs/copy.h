/*
 * rootfs/copy.h - one file's bytes into another (private to this room)
 */
#pragma once

/* Copy all of FROM to the empty file TO, holes as holes. 0, or -1 with errno. */
int copy_file(int from, int to);
