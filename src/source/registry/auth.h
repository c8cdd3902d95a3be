/*
 * source/registry/auth.h - the Authorization that a registry wants
 *
 * Tokens live in memory only. Safe from several threads: the transfers refresh tokens by themselves.
 */
#pragma once

#include "base/error.h"
#include "base/strv.h"
#include "source/registry/http.h"
#include "source/registry/reference.h"

struct auth;

/* REF and CONFIG_PATH are borrowed. */
struct auth *auth_new(
	const struct reference *ref, const char *config_path, const struct http_options *options);
void auth_free(struct auth *a);

/* Before anything is asked: tokens shall be good for pushing, too. */
void auth_want_push(struct auth *a);

/*
 * Answer the challenge of a registry (values of WWW-Authenticate): find credentials, get a token. IS_LOCAL: the
 * registry itself has a local address, so the token service may have one.
 */
int auth_answer(struct auth *a, const struct strv *www_authenticate, bool is_local, struct error *err);

/* Does a 401 ask for a token of another scope than the one we have? Then answer it anew. */
bool auth_wants_other_scope(struct auth *a, const struct strv *www_authenticate);

/*
 * The value of the Authorization header, which the caller owns and frees with credentials_free_secret(); NULL in
 * *VALUE where none is needed. A token that is about to end is renewed. REJECTED is a value that was answered
 * by 401, or NULL: if it is still the current one another is fetched.
 */
int auth_get(struct auth *a, const char *rejected, char **value, struct error *err);

/* Put what is known about the credentials as a remedy to an error about 401 or 403. Returns -1. */
int auth_hint(struct auth *a, struct error *err);
