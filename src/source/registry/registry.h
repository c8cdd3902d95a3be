/*
 * source/registry/registry.h - a session with one repository of one registry (OCI distribution spec)
 */
#pragma once

#include "source/registry/auth.h"
#include "source/registry/http.h"
#include "source/registry/mirrors.h"
#include "source/registry/reference.h"
#include "source/source.h"

struct registry {
	struct reference ref;
	struct http_options options;
	char *config_path; /* may be NULL */
	struct certs *certs;
	struct http *http;
	struct auth *auth;
	char *base; /* "https://HOST[:PORT]" once connected */
};

/* Parse URI; nothing goes over the network yet. ENDPOINT: where to go in place of the registry that it names, or NULL. */
int registry_init(struct registry *r, const char *uri, const struct endpoint *endpoint,
	const struct source_options *options, struct error *err);
void registry_cleanup(struct registry *r);

/* Find out how to talk to the registry and who we are to it. Done by the others when it has not been yet. */
int registry_connect(struct registry *r, struct error *err);

/* Connect, and be sure that the registry knows us. */
int registry_check_login(struct registry *r, struct error *err);

/* The URL of an object of the repository, KIND "manifests" or "blobs"; connected. The caller owns it. */
char *registry_url(const struct registry *r, const char *kind, const char *name);

/* Get an object of at most MAX bytes. A status other than 200 is an error that says what to do. */
int registry_get(struct registry *r, const char *kind, const char *name, size_t max,
	struct http_response *response, struct error *err);

/* The error for an object that was answered by STATUS. Returns -1. */
int registry_error(struct registry *r, const char *url, long status, struct error *err);
