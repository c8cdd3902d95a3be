/*
 * base/clock.h - time that passes, by CLOCK_MONOTONIC; nobody sets it
 */
#pragma once

#include <pthread.h>
#include <stdint.h>

int64_t clock_ns(void);
int64_t clock_ms(void);

/* A condition that is waited for by this clock. */
void clock_cond_init(pthread_cond_t *cond);

/* pthread_cond_timedwait(3), for NS from now on. */
int clock_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t ns);
