/*
 * base/progress.h - how far a long command is
 *
 * On a terminal one line that is redrawn: label, bar, bytes or entries done and in all, bytes a second. Elsewhere
 * nothing: the commands print their phase lines with log_info. Any thread may add; drawing happens at most ten times a
 * second, in whichever thread adds.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct progress {
	const char *label; /* borrowed */
	uint64_t total;    /* bytes, or entries if those are counted; 0: unknown */
	bool has_entries;
	_Atomic uint64_t done, entries;
	_Atomic int64_t drawn_ms; /* CLOCK_MONOTONIC of the last drawing, -1: never draw */
	int64_t started_ms;
};

/* Begin. Draws only if stderr is a terminal and messages are not silenced. */
void progress_begin(struct progress *p, const char *label, uint64_t total);
/* The same where the work is counted in entries of a file tree: "files". */
void progress_begin_entries(struct progress *p, const char *label, uint64_t total);
/* P may be NULL. */
void progress_add(struct progress *p, uint64_t bytes);
void progress_add_entry(struct progress *p);
/* Erase the line. Harmless when nothing was drawn, and when P is all zeros. */
void progress_end(struct progress *p);
