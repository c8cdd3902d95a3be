/*
 * source/spool.h - files without a name, for what comes as a stream
 */
#pragma once

#include "base/error.h"

/* An empty file in the cache directory (made if it is missing) that vanishes with its descriptor, which the caller
 * owns. */
int spool_open(const char *cache_path, struct error *err);

/* Copy FD (borrowed) to its end, called WHAT in messages; returns as spool_open(). */
int spool_copy(const char *cache_path, int fd, const char *what, struct error *err);

/* After a failed write to a spool: ERR, with what is free there. Returns -1. */
int spool_write_error(const char *cache_path, struct error *err);
