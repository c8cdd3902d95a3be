/*
 * sandbox/processes.h - the running containers, as /proc shows them
 *
 * A container is a mount namespace that is not the caller's, whose root directory holds a regular file .lock. No
 * record made at start is needed, so that processes that joined one by setns(2) count too. What the caller may not
 * look at, and what vanishes meanwhile, is left out silently.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/error.h"

struct container_process {
	pid_t pid;  /* the lowest in its mount namespace */
	char *name; /* of the container in the data path; NULL: an image start, a bundle, a removed one */
	uint64_t mnt_ns; /* inode numbers */
	uint64_t user_ns;
};

struct container_processes {
	struct container_process *items; /* by name, then by pid; those without a name last */
	size_t count, capacity;
};

#define CONTAINER_PROCESSES_INIT      ((struct container_processes){ 0 })
#define _cleanup_container_processes_ __attribute__((cleanup(container_processes_cleanup)))

/* Find all containers. DATA_PATH may be NULL or missing. */
int container_processes_find(struct container_processes *list, const char *data_path, struct error *err);
void container_processes_cleanup(struct container_processes *list);

/* What ps(1) shows of a process. */
struct process_details {
	char comm[64];
	char state[8];    /* STAT */
	time_t started;   /* seconds since 1970 */
	uint64_t elapsed; /* seconds */
	char *command;    /* the whole command line, owned */
};

/* false: it has vanished. */
bool process_details_read(pid_t pid, struct process_details *details);
void process_details_cleanup(struct process_details *details);
