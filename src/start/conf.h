/*
 * start/conf.h - the conf script of a start: one bash process from environ() to rc() (private to the room)
 *
 * The script is sourced once and its functions run in the same process, so that what one leaves behind (variables,
 * exports, the working directory) is there for the next. After each step the process reports its exported variables
 * and its directory: hooks see the first, relative sources of mounts the second.
 */
#pragma once

#include <sys/types.h>

#include "base/error.h"
#include "base/strv.h"
#include "sandbox/scratch.h"

struct conf {
	const char *path; /* of the script, as it was given; borrowed */
	pid_t pid;        /* 0: none runs */
	int requests;     /* owned: names of functions go here */
	int replies;      /* owned */
	int scratch;      /* borrowed: where output is left */
};

#define CONF_INIT ((struct conf){ .requests = -1, .replies = -1, .scratch = -1 })

/*
 * Check the syntax ("Invalid argument: PATH" with bash's own words as [WARN] lines) and source the script. COMMAND
 * are its positional parameters at the top level, HOST its environment: replaced by what it exports.
 */
int conf_begin(struct conf *c, const char *path, struct scratch *scratch, char *const command[],
	struct strv *host, struct error *err);

/*
 * Call environ, mounts or hooks. *OUTPUT (NULL: dropped) becomes what it printed, owned by the caller, "" where the
 * script has no such function. HOST and the working directory follow.
 */
int conf_call(struct conf *c, const char *function, struct strv *host, char **output, struct error *err);

/* The body of rc() as a script, owned by the caller; *BODY becomes NULL where there is none. */
int conf_take_rc(struct conf *c, struct strv *host, char **body, struct error *err);

/* Let the process end. */
void conf_end(struct conf *c);
