#include "base/clock.h"

#include <time.h>

#define NS_PER_S 1000000000

int64_t clock_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

int64_t clock_ms(void)
{
	return clock_ns() / 1000000;
}

void clock_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

int clock_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t ns)
{
	int64_t end = clock_ns() + ns;
	const struct timespec until = { .tv_sec = end / NS_PER_S, .tv_nsec = end % NS_PER_S };
	return pthread_cond_timedwait(cond, mutex, &until);
}
