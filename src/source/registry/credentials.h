/*
 * source/registry/credentials.h - who we are to a registry, and who told us
 */
#pragma once

#include "base/error.h"
#include "base/strv.h"
#include "source/registry/reference.h"

struct credentials {
	char *user, *secret;  /* NULL: anonymous */
	char *identity_token; /* exchanged for a token, NULL if none */
	char *registry_token; /* is a token, NULL if none */
	char *origin;         /* for messages: the file, NULL if none */
	struct strv tried;    /* places that were looked at, for messages */
};

#define _cleanup_credentials_ __attribute__((cleanup(credentials_cleanup)))
void credentials_cleanup(struct credentials *c); /* wipes the secrets */
void credentials_free_secret(char *secret);

/*
 * Find the credentials for a reference, in the order of doc/credentials: USER:PASSWORD@, .credentials in
 * CONFIG_PATH, the containers and Docker files; with USER@ and none of these, a terminal is asked. REALM_HOST is the
 * host of the token service, NULL if there is none: its own line in .credentials wins where it may (see
 * credentials.c). Finding nothing is no error: C is anonymous then.
 */
int credentials_find(struct credentials *c, const struct reference *ref, const char *realm_host,
	const char *config_path, struct error *err);
