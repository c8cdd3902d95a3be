/*
 * base/fd.h - whole reads and writes on descriptors
 *
 * EINTR is retried unless the program was asked to end (base/interrupt.h), in which case the call fails with
 * EINTR. All return 0 or a length, or -1 with errno set.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Write all of LEN bytes. Returns 0 or -1. */
int fd_write_full(int fd, const void *buf, size_t len);
int fd_pwrite_full(int fd, const void *buf, size_t len, uint64_t offset);

/* Read until LEN bytes or the end of the file. Returns the bytes read, which are fewer only at the end. */
ssize_t fd_read_full(int fd, void *buf, size_t len);
ssize_t fd_pread_full(int fd, void *buf, size_t len, uint64_t offset);

/*
 * Read a whole file of at most MAX bytes (a larger one: EFBIG). The result is NUL-terminated beyond *LEN and
 * owned by the caller. Returns 0 or -1.
 */
int fd_read_all(int fd, size_t max, char **data, size_t *len);

/*
 * Raise the limit of open files to what is allowed, for work that needs many. *OLD is what fd_restore_limit() takes
 * back; rlim_max 0 in it: nothing is known. Returns the limit, 0 if unknown.
 */
struct rlimit;
unsigned long fd_raise_limit(struct rlimit *old);
void fd_restore_limit(const struct rlimit *old);

/*
 * May this process do MODE (R_OK, W_OK, X_OK) with NAME in DIR? As faccessat(3), but for the call: the C library tries
 * faccessat2(2) first, and takes the EPERM of a filter that does not know it for an answer.
 */
bool fd_may_access(int dir, const char *name, int mode);

/*
 * Open /dev/null for whichever of the descriptors 0, 1 and 2 are closed, so that no file of ours gets one of
 * these numbers (job epilogs start programs like that). First thing in a main.
 */
void fd_ensure_standard(void);
