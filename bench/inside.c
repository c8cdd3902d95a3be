/*
 * bench/inside.c - what memory and system calls cost where this runs
 *
 *	inside [-f]
 *
 * Prints one line of JSON: MB/s of a STREAM-like copy, and nanoseconds of getpid(2) and of open(2) with close(2). With
 * -f under the filter that containers have, so that what a container adds beyond it can be told. Built statically.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "filter-code.h" /* of the build */

#define COPY_BYTES (64u << 20)
#define CALLS      200000
#define ROUNDS     7

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static void install_filter(void)
{
	const struct sock_fprog program = {
		.len = sizeof(filter_code) / sizeof(filter_code[0]),
		.filter = (struct sock_filter *)filter_code,
	};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program) < 0) {
		perror("seccomp");
		exit(1);
	}
}

static uint64_t *from, *to;

static void copy(void)
{
	for (size_t i = 0; i < COPY_BYTES / sizeof(*from); i++)
		to[i] = from[i];
	__asm__ volatile("" : : "r"(to) : "memory");
}

static void call_getpid(void)
{
	for (int i = 0; i < CALLS; i++)
		syscall(SYS_getpid);
}

static void call_open(void)
{
	for (int i = 0; i < CALLS / 4; i++)
		close(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

/* The best of some rounds, in seconds: the machine is shared. */
static double best(void (*run)(void))
{
	double least = 1e9;

	for (int i = 0; i < ROUNDS; i++) {
		double begin = now();
		run();
		double took = now() - begin;
		least = took < least ? took : least;
	}
	return least;
}

int main(int argc, char *argv[])
{
	if (argc > 1 && strcmp(argv[1], "-f") == 0)
		install_filter();
	from = malloc(COPY_BYTES);
	to = malloc(COPY_BYTES);
	if (!from || !to)
		return 1;
	memset(from, 1, COPY_BYTES);
	memset(to, 2, COPY_BYTES);
	/* Read and written, as STREAM counts. */
	printf("{\"copy_mb_s\": %.0f, ", 2.0 * COPY_BYTES / 1e6 / best(copy));
	printf("\"getpid_ns\": %.1f, ", best(call_getpid) * 1e9 / CALLS);
	printf("\"open_ns\": %.1f}\n", best(call_open) * 1e9 / (CALLS / 4));
	return 0;
}
