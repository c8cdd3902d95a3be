/*
 * base/clock.h - time that passes, by CLOCK_MONOTONIC; nobody sets it
 */
#pragma once

#include <stdint.h>

int64_t clock_ns(void);
int64_t clock_ms(void);
