/*
 * cmd/running.h - which running container a word of the command line means
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "config/settings.h"

struct running {
	pid_t pid;            /* a process in the first of them; 0: none is meant */
	uint64_t *namespaces; /* owned: the mount namespaces that are meant */
	size_t count;
};

#define _cleanup_running_ __attribute__((cleanup(running_cleanup)))

/*
 * WORD is a name given by start --name, else the name of a container (of which more than one may run), else the PID of a
 * process in one.
 */
struct running running_find(const struct settings *settings, const char *word);
void running_cleanup(struct running *r);
