/*
 * store/work_lock.h - one worker for a file that many want, on one host or on many that share a directory
 *
 * The lock of DIR/NAME is the file DIR/.NAME.lock, made by link(2), which works everywhere, NFS included. It holds
 * who made it: host, boot, PID namespace, pid, start time. Its holder touches it every ten seconds; who waits compares
 * its age with a file of his own, so that only the server's clock counts, and takes it over after a minute, or at
 * once where he can see that the holder is dead.
 *
 * The lock only saves work. Correctness rests on atomic publication (base/publish.h): two holders are harmless, and
 * where no lock can be made the work is done without.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"

struct work_lock;

/* A lock for the file PATH, not held yet. Never NULL. */
struct work_lock *work_lock_new(const char *path);
/* Release it if it is held. NULL is fine. */
void work_lock_free(struct work_lock *l);

enum work_lock_state {
	WORK_LOCK_HELD,   /* the work is ours */
	WORK_LOCK_BUSY,   /* somebody else is at it: ask again in a second or so */
	WORK_LOCK_NOWHERE /* there can be no lock here: do the work */
};

/*
 * Try to get it. A call that found it busy before writes nothing but the time of a file of our own, every ten seconds, which
 * tells others that we still wait.
 */
enum work_lock_state work_lock_try(struct work_lock *l);

/* Tell others that we still work; cheap, and does nothing more often than needed. */
void work_lock_touch(struct work_lock *l);
/* Do that from a thread until the lock is released. */
void work_lock_keep(struct work_lock *l);

/* Who holds it ("pid 12 on HOST"), for messages, after WORK_LOCK_BUSY; borrowed. */
const char *work_lock_holder(const struct work_lock *l);

/*
 * Wait until the lock is ours or IS_DONE(CTX) says that there is nothing left to do, asked before each try. Returns 1:
 * do the work; 0: it is done; -1 with ERR: interrupted.
 */
int work_lock_wait(struct work_lock *l, bool (*is_done)(void *ctx), void *ctx, struct error *err);

#define _cleanup_work_lock_ __attribute__((cleanup(work_lock_cleanup)))
static inline void work_lock_cleanup(struct work_lock **l)
{
	work_lock_free(*l);
}

/* Remove what waiting and writing processes left in DIR when they were killed. */
void work_lock_clean(const char *dir);
