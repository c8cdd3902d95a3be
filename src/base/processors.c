#include "base/processors.h"

#include <sched.h>

#include "base/memory.h"

unsigned processors_count(void)
{
	cpu_set_t sets[8]; /* 8192: Linux knows no more */
	if (sched_getaffinity(0, sizeof(sets), sets) < 0)
		return 1;
	return (unsigned)MAX(CPU_COUNT_S(sizeof(sets), sets), 1);
}
