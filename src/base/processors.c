#include "base/processors.h"

#include <sched.h>
#include <stdbool.h>
#include <string.h>

#include "base/memory.h"

static bool stays;
static cpu_set_t before;

unsigned processors_count(void)
{
	cpu_set_t sets[8]; /* 8192: Linux knows no more */
	if (sched_getaffinity(0, sizeof(sets), sets) < 0)
		return 1;
	return (unsigned)MAX(CPU_COUNT_S(sizeof(sets), sets), 1);
}

void processors_stay(int cpu)
{
	cpu_set_t set;
	if (cpu < 0)
		cpu = sched_getcpu();
	if (stays || cpu < 0 || cpu >= CPU_SETSIZE || sched_getaffinity(0, sizeof(before), &before) < 0 ||
		!CPU_ISSET(cpu, &before) || CPU_COUNT(&before) == 1)
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	stays = sched_setaffinity(0, sizeof(set), &set) == 0;
}

void processors_roam(void)
{
	cpu_set_t set, all;
	if (!stays)
		return;
	stays = false;
	/*
	 * The kernel remembers what was asked for, and a cpuset that grows later would not matter to who asked for all of the
	 * old one: everything is asked for, if that comes to the same now.
	 */
	memset(&all, 0xff, sizeof(all));
	if (sched_setaffinity(0, sizeof(all), &all) < 0 || sched_getaffinity(0, sizeof(set), &set) < 0 ||
		!CPU_EQUAL(&set, &before))
		(void)sched_setaffinity(0, sizeof(before), &before);
}
