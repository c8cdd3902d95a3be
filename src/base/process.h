/*
 * base/process.h - helper programs (getent, credential helpers, a settings shell)
 *
 * Nothing in the plain start path uses this.
 */
#pragma once

#include <stddef.h>

#include "base/error.h"

struct process_request {
	const char *const *argv; /* argv[0] is looked up in PATH */
	const char *const *envp; /* NULL: inherit */
	const char *input;       /* written to its stdin, NULL: /dev/null */
	int timeout_ms;          /* it and what it started are killed after this; 0: none */
	size_t max_output;       /* bytes of stdout; more is an error */
};

/*
 * Run a program and collect its stdout (owned by the caller, NUL-terminated). stderr is inherited. Returns the
 * exit status (128 + N for a signal), or -1 with ERR when it could not run, took too long or said too much.
 */
int process_capture(const struct process_request *req, char **output, size_t *len, struct error *err);
