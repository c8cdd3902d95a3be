/*
 * tests/tools/slurm/mpi-hello.c - do the ranks of a job find each other?
 *
 * Every rank gives its number to all others over MPI, and rank 0 collects their hosts: it prints one line
 * "size N sum S hosts A,B" with S = 0 + 1 + … + N-1, and the hosts in the order of the ranks.
 */
#include <mpi.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NAME_BYTES 64
#define MAX_RANKS  64

int main(int argc, char *argv[])
{
	int rank, size, sum = 0;
	char name[NAME_BYTES] = "", all[MAX_RANKS][NAME_BYTES];
	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	gethostname(name, sizeof(name) - 1);
	MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
	if (size <= MAX_RANKS)
		MPI_Gather(name, NAME_BYTES, MPI_CHAR, all, NAME_BYTES, MPI_CHAR, 0, MPI_COMM_WORLD);
	if (rank == 0 && size <= MAX_RANKS) {
		printf("size %d sum %d hosts", size, sum);
		for (int i = 0; i < size; i++)
			printf("%c%s", i == 0 ? ' ' : ',', all[i]);
		printf("\n");
	}
	MPI_Finalize();
	return 0;
}
