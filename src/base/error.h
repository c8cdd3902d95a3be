/*
 * base/error.h - errors as values
 *
 * A function that can fail returns -1 (or NULL) and fills the caller's struct error. The message grows
 * outwards: the callee says what failed and why, each caller prefixes where. The strerror text stays last;
 * a remedy is a separate sentence. Only a main prints it.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>

struct error {
	int code;      /* an errno value; 0 = none set */
	char *message; /* owned; no newline */
	char *hint;    /* owned, may be NULL: the remedy, one sentence */
};

#define ERROR_INIT      ((struct error){ 0 })
#define _cleanup_error_ __attribute__((cleanup(error_clear)))

void error_clear(struct error *err);

/* Set MESSAGE, replacing what was there; CODE 0 becomes EINVAL. Returns -1, so that it can be returned. */
int error_set(struct error *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same with errno as the code and ": strerror(errno)" at the end. Returns -1. */
int error_errno(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Put "PREFIX: " before the message. Returns -1. */
int error_prefix(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Set the remedy unless a callee that knew better already did. Returns -1. */
int error_hint(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Move SRC into DST (cleared first); SRC is empty afterwards. Returns -1. */
int error_move(struct error *dst, struct error *src);

/* Let compilers see that these always return -1: fewer false alarms about what was not set. */
static inline int error_failed_(int ignored)
{
	(void)ignored;
	return -1;
}
#define error_set(err, ...)    error_failed_(error_set((err), __VA_ARGS__))
#define error_errno(err, ...)  error_failed_(error_errno((err), __VA_ARGS__))
#define error_prefix(err, ...) error_failed_(error_prefix((err), __VA_ARGS__))
#define error_hint(err, ...)   error_failed_(error_hint((err), __VA_ARGS__))

static inline bool error_is_set(const struct error *err)
{
	return err->code != 0;
}
