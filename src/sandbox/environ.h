/*
 * sandbox/environ.h - environment files, and the environment of a container
 *
 * An environment is a struct strv of KEY=VALUE, each key once (a later line replaces an earlier one). KEY is
 * [A-Za-z_][A-Za-z0-9_]*; keys ENROOT_* are dropped everywhere. A value never holds a newline or a NUL.
 * HOST, where it is taken, is a NULL-terminated list like environ (struct strv .items will do).
 *
 * Pure functions, but for environ_load().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/strv.h"

/* Environment files beyond this are refused. */
#define ENVIRON_MAX_BYTES (4u << 20)

/*
 * Take over the lines of a file: etc/environment of a root filesystem, *.env. ${VAR} becomes the value of HOST
 * (unset: empty), but not between the lines "# enroot-literal-begin" and "# enroot-literal-end", where all after
 * the first "=" is taken byte for byte. Blank lines, comments and ill-formed lines are dropped.
 */
void environ_parse_file(struct strv *env, const char *text, size_t len, char *const *host);

/*
 * The same for lines that a program printed (conf environ(), what hooks appended): nothing is expanded and there
 * are no literal sections; quotes around a value are removed as in a file. HOST (NULL: unknown) is the environment of
 * that program: the lines by which `env` shows a value with newlines are recognised by it, and left out whole.
 */
void environ_parse_output(struct strv *env, const char *text, size_t len, char *const *host);

/* Read a whole file from FD (borrowed, which the caller opened in-root) and take it over. NAME for messages. */
int environ_load(struct strv *env, int fd, const char *name, char *const *host, struct error *err);

/*
 * "-e KEY" (the value of HOST, empty if unset there) or "-e KEY=VALUE". A bad key is "Invalid argument: …". A
 * value with a newline is left out with a warning; an ENROOT_ key is left out.
 */
int environ_add_option(struct strv *env, const char *option, char *const *host, struct error *err);

/* One KEY=VALUE a line, for $ENROOT_ENVIRON; the caller owns it. */
char *environ_format(const struct strv *env);

/* Is the KEY of LEN bytes well-formed? */
bool environ_key_is_valid(const char *key, size_t len);

/* The value of KEY (LEN bytes) in a list like environ, or NULL. */
const char *environ_lookup(char *const *list, const char *key, size_t len);

/* TEXT (LEN bytes) with ${VAR} replaced from HOST, in a single pass; the caller owns it. */
char *environ_expand(const char *text, size_t len, char *const *host);
