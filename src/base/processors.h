/*
 * base/processors.h - how many processors there are
 */
#pragma once

/* How many this process may run on; at least 1. */
unsigned processors_count(void);
