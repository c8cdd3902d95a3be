/*
 * base/error_pipe.h - an error value from one process to another
 *
 * One message on a pipe; a writer that closes without one means success. Messages and hints are cut off at 2 KiB.
 */
#pragma once

#include "base/error.h"

/* Write ERR (of code 0, too). What cannot be written is lost. */
void error_send(int fd, const struct error *err);

/*
 * Wait for the message, or for every writer to close, at most TIMEOUT_MS (-1: for ever; ETIMEDOUT). Returns 0 if it was
 * an error of code 0, 1 if nothing was written, else -1 with ERR.
 */
int error_receive(int fd, int timeout_ms, struct error *err);
