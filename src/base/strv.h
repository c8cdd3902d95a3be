/*
 * base/strv.h - a NULL-terminated list of strings, each owned (argv, environ)
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct strv {
	char **items; /* NULL while empty, else items[count] == NULL */
	size_t count, capacity;
};

#define STRV_INIT      ((struct strv){ 0 })
#define _cleanup_strv_ __attribute__((cleanup(strv_cleanup)))

void strv_cleanup(struct strv *v);
void strv_push(struct strv *v, const char *s); /* copies */
void strv_push_owned(struct strv *v, char *s); /* takes over */
/* Split at each SEPARATOR; empty parts are kept. */
void strv_split(struct strv *v, const char *s, char separator);
bool strv_contains(const struct strv *v, const char *s);

/* Environment lists: entries KEY=VALUE; a later set replaces an earlier one in place. */
void strv_env_set(struct strv *v, const char *key, const char *value);
const char *strv_env_get(const struct strv *v, const char *key); /* NULL if unset */
void strv_env_unset(struct strv *v, const char *key);
