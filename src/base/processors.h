/*
 * base/processors.h - staying on one processor
 *
 * Two processes that answer each other, and never run at once, are fastest on one processor: to wake another one that
 * sleeps takes longer than many an answer. The scheduler cannot know, and spreads them. For a while, then: what is
 * started meanwhile would stay there, too. Where threads run is the kernel's to keep, hence no object here; only a
 * process' first thread, and before there are others, may call them. To count is anybody's.
 */
#pragma once

/* How many this process may run on; at least 1. */
unsigned processors_count(void);

/* From here on, run on CPU, if it is one of those where the process may run; -1: where it runs now. */
void processors_stay(int cpu);

/* Where it could before; nothing without an earlier processors_stay(). Before every fork and exec in between. */
void processors_roam(void);
