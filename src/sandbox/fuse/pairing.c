#include "sandbox/fuse/pairing.h"

#include "base/memory.h"

#define CYCLE_MAX 250000u /* ns: a client that takes longer does something else, or many things at once */
#define TRIAL     8u      /* answers before the first verdict */
#define WINDOW    32u     /* between two later ones */

static uint32_t cycle_between(int64_t last, int64_t now)
{
	return (uint32_t)MIN(now - last, (int64_t)UINT32_MAX);
}

static uint32_t median(const uint32_t values[PAIRING_RUN])
{
	uint32_t sorted[PAIRING_RUN] = { 0 };
	for (unsigned i = 0; i < PAIRING_RUN; i++) {
		unsigned at = i;
		for (; at > 0 && sorted[at - 1] > values[i]; at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = values[i];
	}
	return sorted[PAIRING_RUN / 2];
}

void run_break(struct run *r)
{
	r->pid = 0;
	r->count = 0;
}

uint32_t run_count(struct run *r, uint32_t pid, int64_t now)
{
	if (pid != r->pid || r->count == 0) {
		*r = (struct run){ .pid = pid, .count = 1, .last = now };
		return 0;
	}
	r->cycles[r->count++ - 1] = cycle_between(r->last, now);
	r->last = now;
	if (r->count <= PAIRING_RUN)
		return 0;
	uint32_t usual = median(r->cycles);
	r->count = 1;
	return usual <= CYCLE_MAX ? usual : 0;
}

void trial_begin(struct trial *t)
{
	*t = (struct trial){ .usual = t->usual };
}

/* Most of the answers must be faster by a third at least; not their mean, since now and then one is slow. */
enum verdict trial_count(struct trial *t, int64_t now, bool at_once)
{
	int64_t last = t->last;
	t->last = now;
	if (last == 0) /* in the first, there is the move */
		return TRIAL_GOES_ON;
	t->seen++;
	t->fast += at_once || (uint64_t)cycle_between(last, now) * 3 < (uint64_t)t->usual * 2;
	if (t->seen < (t->accepted ? WINDOW : TRIAL))
		return TRIAL_GOES_ON;
	if (2 * t->fast <= t->seen)
		return TRIAL_LOST;
	t->accepted = true;
	t->seen = t->fast = 0;
	return TRIAL_GOES_ON;
}
