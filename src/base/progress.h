/*
 * base/progress.h - how far a long command is
 *
 * On a terminal one line that is redrawn: label, bar, bytes done and in all, bytes a second. Elsewhere nothing:
 * the commands print their phase lines with log_info. Any thread may add; drawing happens at most ten times a
 * second, in whichever thread adds.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

struct progress {
	const char *label; /* borrowed */
	uint64_t total;    /* bytes; 0: unknown */
	_Atomic uint64_t done;
	_Atomic int64_t drawn_ms; /* CLOCK_MONOTONIC of the last drawing, -1: never draw */
	int64_t started_ms;
};

/* Begin. Draws only if stderr is a terminal and messages are not silenced. */
void progress_begin(struct progress *p, const char *label, uint64_t total);
void progress_add(struct progress *p, uint64_t bytes);
/* Erase the line. Harmless when nothing was drawn, and when P is all zeros. */
void progress_end(struct progress *p);
