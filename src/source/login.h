/*
 * source/login.h - remembering who we are to a registry
 *
 * Credentials go to the file that podman and skopeo use as well: $REGISTRY_AUTH_FILE, else
 * $XDG_RUNTIME_DIR/containers/auth.json, else ~/.config/containers/auth.json; mode 0600.
 */
#pragma once

#include "source/source.h"

/* Ask REGISTRY (HOST[:PORT]) whether it takes the credentials, and store them. *PATH is the file, which the caller owns.
 */
int source_login(const char *registry, const char *user, const char *secret,
	const struct source_options *options, char **path, struct error *err);

/* Forget them. ENOENT if there are none. */
int source_logout(const char *registry, char **path, struct error *err);

/* Ask the terminal, without echo if IS_SECRET. The caller owns (and wipes) the answer; NULL if there is no terminal. */
char *source_ask(const char *prompt, bool is_secret);
