/*
 * sandbox/exec.h - which program the container's process becomes
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/strv.h"

#define EXEC_IMAGE_SCRIPT "/etc/rc" /* what import writes, and the shell runs */

struct exec_request {
	const char *shell;    /* path in the container */
	bool login;           /* argv[0] begins with "-", so that the shell reads /etc/profile */
	const char *script;   /* run by the shell with the command as arguments; NULL: none */
	char *const *command; /* NULL-terminated; empty: an interactive shell */
};

/* What the first word of a command is, as a path. */
enum exec_word { EXEC_WORD_PROGRAM /* or nothing at all: PATH is the shell's business */, EXEC_WORD_SCRIPT };

/* The argument list for execve(2) of REQ->shell. Pure. */
void exec_build_argv(struct strv *argv, const struct exec_request *req, enum exec_word word);

/* The shell: the first of CANDIDATES (NULLs are passed over) that may be read and executed, else /bin/sh. */
const char *exec_choose_shell(const char *const candidates[], unsigned count);

/* Become the shell with ENV. Returns only on failure (-1). */
int exec_run(const struct exec_request *req, const struct strv *env, struct error *err);
