/*
 * While a container starts it is one process that waits for one answer after the other: the first worker stays on its
 * processor until that is done, or until there is work for more than one thread.
 */
#include <time.h>

#include "base/processors.h"
#include "sandbox/fuse/prefetch.h"

#define REQUESTS 512u
#define NS       100000000ull

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

void fuse_server_sit(struct fuse_server *s, int cpu)
{
	if (cpu < 0 || processors_count() == 1)
		return;
	(void)prefetch_begin(s); /* it does not stay here */
	processors_stay(cpu);
	s->seat = (struct seat){ .taken = true, .until = now_ns() + NS };
}

void seat_leave(struct fuse_server *s)
{
	if (!s->seat.taken)
		return;
	s->seat.taken = false;
	processors_roam();
}

void seat_count(struct fuse_server *s)
{
	if (++s->seat.requests >= REQUESTS || now_ns() >= s->seat.until)
		seat_leave(s);
}
