/*
 * source/registry/netrc.h - ENROOT_CONFIG_PATH/.credentials: "machine HOST login USER password SECRET"
 *
 * A netrc dialect: one machine a line, LOGIN literal, SECRET the rest of the line, which a shell evaluates if it
 * begins with "$" ($(command), $VAR).
 */
#pragma once

#include <stddef.h>

#include "base/error.h"

struct netrc_line {
	char *machine, *login, *secret; /* as written; login and secret may be NULL */
};

struct netrc {
	struct netrc_line *lines;
	size_t count, capacity;
};

#define _cleanup_netrc_ __attribute__((cleanup(netrc_cleanup)))
void netrc_cleanup(struct netrc *n);

/* Take in every line of TEXT; comments and lines that are none of ours are skipped. */
void netrc_parse(struct netrc *n, const char *text);

/* The first line for MACHINE (any case) and, unless NULL, LOGIN. */
const struct netrc_line *netrc_find(const struct netrc *n, const char *machine, const char *login);

/* The secret of a line, evaluated; the caller owns it. */
char *netrc_evaluate(const struct netrc_line *line, struct error *err);
