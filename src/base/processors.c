#include "base/processors.h"

#include <sched.h>
#include <stdbool.h>
#include <string.h>

static bool stays;
static cpu_set_t before;

unsigned processors_count(void)
{
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 2; /* more than 1024: a set of their size would be needed */
	return CPU_COUNT(&set) > 0 ? (unsigned)CPU_COUNT(&set) : 1;
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
