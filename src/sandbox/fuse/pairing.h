/*
 * sandbox/fuse/pairing.h - when it pays to answer a client on its own processor (private to the image server's files)
 *
 * Decisions only: no thread, no clock. Times are nanoseconds of any clock that does not go back.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PAIRING_RUN 16u /* answers to one thread, one after the other, before it is worth a try */

/* Answers to a client's thread that asks for one thing after the other. Zeroed: none yet. */
struct run {
	uint32_t pid;
	unsigned count;
	int64_t last;
	uint32_t cycles[PAIRING_RUN]; /* ns from one answer to the next */
};

/* Another answer to PID, at NOW: once there are enough, the usual time from one to the next, else 0. */
uint32_t run_count(struct run *r, uint32_t pid, int64_t now);

/* The next answer begins another run. */
void run_break(struct run *r);

/* Whether it goes faster where we are now. */
struct trial {
	uint32_t usual; /* ns: how long it took elsewhere */
	bool accepted;
	unsigned seen, fast;
	int64_t last;
};

enum verdict {
	TRIAL_GOES_ON,
	TRIAL_LOST, /* no faster here */
};

/* Begin on another processor; .usual stays. */
void trial_begin(struct trial *t);

/*
 * Another answer, at NOW. AT_ONCE: the request was there when the one before had been answered, so the client must have
 * run in our place meanwhile.
 */
enum verdict trial_count(struct trial *t, int64_t now, bool at_once);
