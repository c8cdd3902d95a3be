/*
 * sandbox/fuse/notice.h - the one message of a server that has no terminal of its own
 *
 * The server keeps the standard error of the start, so that a corrupt image can be named. Somebody may wait for the
 * end of a pipe, though: such a descriptor is kept only as long as the process that called start lives.
 */
#pragma once

#include "base/error.h"

/* Print an error to FD (-1: nowhere) as a warning, unless that would block: what fails by it has its own [ERROR]. */
void notice_write(int fd, const struct error *err);

/* If FD is a pipe or a socket, close it when the process of PIDFD ends (a thread waits for it). PIDFD is taken over. */
void notice_follow(int fd, int pidfd);
