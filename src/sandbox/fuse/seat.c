/*
 * While a container starts it is one process that waits for one answer after the other, and says where it runs: the
 * companion begins there, and what is looked up is decoded ahead, until that is done.
 */

#include "base/clock.h"
#include "sandbox/fuse/prefetch.h"

#define REQUESTS 512u
#define NS       100000000

void fuse_server_sit(struct fuse_server *s, int cpu)
{
	if (cpu < 0 || s->companion.off)
		return;
	s->seat = (struct seat){ .taken = true, .cpu = cpu, .until = clock_ns() + NS };
}

bool seat_is_left(struct fuse_server *s)
{
	if (!s->seat.taken)
		return false;
	if (atomic_fetch_add(&s->seat.requests, 1) + 1 < REQUESTS && clock_ns() < s->seat.until)
		return false;
	return atomic_exchange(&s->seat.taken, false);
}
