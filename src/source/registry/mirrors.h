/*
 * source/registry/mirrors.h - containers-registries.conf(5), version 2: where an image is really fetched from
 *
 * $CONTAINERS_REGISTRIES_CONF, else the user's and the system's registries.conf and registries.conf.d. Understood of a
 * [[registry]]: prefix, location, insecure, blocked; of its [[registry.mirror]]: location, insecure,
 * pull-from-mirror. The rest is podman's business.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "source/registry/reference.h"

struct endpoint {
	char *registry, *repository;
	bool is_insecure; /* no certificate is checked, and plain HTTP is fine */
	bool is_mirror;
};

struct endpoints {
	struct endpoint *items; /* in the order to try them: mirrors, then the registry itself */
	size_t count, capacity;
};
#define _cleanup_endpoints_ __attribute__((cleanup(endpoints_cleanup)))
void endpoints_cleanup(struct endpoints *e);

/* Where REF may be fetched from; never nothing. EPERM: the administrator blocked it. */
int endpoints_find(struct endpoints *e, const struct reference *ref, struct error *err);

/* The same by the text of one file only (for tests); NAME is for messages. */
int endpoints_find_in(struct endpoints *e, const struct reference *ref, const char *text, const char *name,
	struct error *err);
