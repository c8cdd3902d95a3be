/*
 * start/record.h - the names that running containers were given (start --name)
 *
 * A file of ENROOT_RUNTIME_PATH/run for each name holds the process that was started and when. It is only a hint:
 * whoever reads it asks /proc whether that process is still the same one. Nobody cleans up after a container.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "config/settings.h"

/* This process, and what it becomes by execve(2), is called NAME. EBUSY while another one is. */
int record_write(const struct settings *settings, const char *name, struct error *err);

/* Is NAME free? The same EBUSY, for a caller that is about to fork the one who writes. */
int record_check(const struct settings *settings, const char *name, struct error *err);

/* A process in the container that is called NAME; 0: there is none. */
pid_t record_find(const struct settings *settings, const char *name);
void record_remove(const struct settings *settings, const char *name);

/* Where the output of NAME goes with --detach; the caller owns the path. NULL with ERR. */
char *record_log_path(const struct settings *settings, const char *name, struct error *err);

/*
 * The process in the container that START began: itself, or the child of the supervisor of a PID namespace. 0: it has
 * none (yet).
 */
pid_t record_container_process(pid_t start);

/* The mount namespace of a process (its inode number); 0: it is gone, or none of the caller's business. */
uint64_t record_mount_namespace(pid_t pid);

/* The text of a record: "PID START\n". Pure. */
bool record_parse(const char *text, pid_t *pid, uint64_t *started);
/* When a process started (clock ticks after boot), from its /proc/PID/stat. false: it is dead, or no such text. Pure. */
bool record_parse_stat(const char *stat, pid_t *parent, uint64_t *started);
