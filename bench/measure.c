/*
 * bench/measure.c - run a command several times; wall time, CPU time and peak memory of each run
 *
 *	measure [-n RUNS] [-w WARM_UP_RUNS] [-l LOG] -- COMMAND [ARG…]
 *
 * Prints one line of JSON. A launcher of its own, and a small one: the peak memory that the kernel reports for a
 * child begins with that of the process that started it. The command's output goes to LOG (default: /dev/null).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

struct run {
	double wall_s, cpu_s;
	long peak_kb;
	int status;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static double seconds(struct timeval t)
{
	return t.tv_sec + t.tv_usec * 1e-6;
}

static int run_once(char *argv[], const posix_spawn_file_actions_t *actions, struct run *run)
{
	struct rusage usage;
	double begin = now();
	pid_t pid;
	int error = posix_spawnp(&pid, argv[0], actions, NULL, argv, environ);

	if (error) {
		fprintf(stderr, "measure: %s: %s\n", argv[0], strerror(error));
		return -1;
	}
	while (wait4(pid, &run->status, 0, &usage) < 0)
		if (errno != EINTR)
			return -1;
	run->wall_s = now() - begin;
	run->cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
	run->peak_kb = usage.ru_maxrss;
	return 0;
}

static void print(const struct run *runs, int count)
{
	long peak = 0;
	int status = 0;

	printf("{\"wall\": [");
	for (int i = 0; i < count; i++)
		printf("%s%.6f", i ? ", " : "", runs[i].wall_s);
	printf("], \"cpu\": [");
	for (int i = 0; i < count; i++) {
		printf("%s%.6f", i ? ", " : "", runs[i].cpu_s);
		if (runs[i].peak_kb > peak)
			peak = runs[i].peak_kb;
		if (runs[i].status)
			status = runs[i].status;
	}
	printf("], \"peak_kb\": %ld, \"status\": %d}\n", peak, status);
}

int main(int argc, char *argv[])
{
	int count = 1, warm = 0, option;
	const char *log = "/dev/null";

	while ((option = getopt(argc, argv, "+n:w:l:")) != -1) {
		if (option == 'n')
			count = atoi(optarg);
		else if (option == 'w')
			warm = atoi(optarg);
		else if (option == 'l')
			log = optarg;
		else
			return 2;
	}
	if (optind == argc || count < 1 || warm < 0)
		return 2;

	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0666);
	posix_spawn_file_actions_adddup2(&actions, 1, 2);

	struct run *runs = calloc(count, sizeof(*runs)), ignored;
	if (!runs)
		return 2;
	for (int i = 0; i < warm; i++)
		if (run_once(argv + optind, &actions, &ignored) < 0)
			return 2;
	for (int i = 0; i < count; i++)
		if (run_once(argv + optind, &actions, &runs[i]) < 0)
			return 2;
	print(runs, count);
	return 0;
}
