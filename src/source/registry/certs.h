/*
 * source/registry/certs.h - certificates of one registry: certs.d/HOST[:PORT]/
 *
 * As podman and docker have it: *.crt are authorities to trust besides the system's, NAME.cert and NAME.key are what
 * we show of ourselves. The first of ~/.config/containers, /etc/containers, /etc/docker that has the folder counts.
 */
#pragma once

#include <curl/curl.h>
#include <stdbool.h>

#include "base/error.h"

struct certs;

/* NULL in *CERTS where there are none for HOST[:PORT]. IS_INSECURE: that host's certificate is not checked at all. */
int certs_load(const char *host, bool is_insecure, struct certs **certs, struct error *err);
void certs_free(struct certs *c);

/* Use them (C may be NULL) for a request to URL, if that goes to their host; else make sure that they are not used. */
void certs_apply(const struct certs *c, CURL *easy, const char *url);
