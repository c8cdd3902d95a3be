/*
 * tests/tools/slurm/pmi2-hello.c - does a rank reach its Slurm step through the descriptor of PMI-2?
 *
 * Every rank puts its host's name into the step's store, waits for all, and reads that of the next rank: it prints
 * "rank R of N on HOST next HOST". The descriptor is inherited, its number is in PMI_FD.
 */
#include <stdio.h>
#include <unistd.h>

#include <slurm/pmi2.h>

#define VALUE_BYTES 64

int main(void)
{
	int spawned, size, rank, appnum, length = 0;
	char job[256], key[32], name[VALUE_BYTES] = "", next[VALUE_BYTES] = "";
	if (PMI2_Init(&spawned, &size, &rank, &appnum) != PMI2_SUCCESS || size < 2 ||
		PMI2_Job_GetId(job, sizeof(job)) != PMI2_SUCCESS) {
		fprintf(stderr, "there is no PMI-2 server\n");
		return 1;
	}
	gethostname(name, sizeof(name) - 1);
	snprintf(key, sizeof(key), "host-%d", rank);
	if (PMI2_KVS_Put(key, name) != PMI2_SUCCESS || PMI2_KVS_Fence() != PMI2_SUCCESS)
		return 1;
	snprintf(key, sizeof(key), "host-%d", (rank + 1) % size);
	if (PMI2_KVS_Get(job, PMI2_ID_NULL, key, next, sizeof(next), &length) != PMI2_SUCCESS)
		return 1;
	printf("rank %d of %d on %s next %s\n", rank, size, name, next);
	PMI2_Finalize();
	return 0;
}
