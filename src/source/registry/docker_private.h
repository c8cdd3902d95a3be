/*
 * source/registry/docker_private.h - between docker.c (the scheme docker://) and docker_documents.c (manifest and
 * configuration of an image)
 */
#pragma once

#include "base/buffer.h"
#include "source/manifest.h"
#include "source/platform.h"
#include "source/registry/fetch.h"
#include "source/registry/places.h"
#include "store/blob_keeper.h"
#include "store/places.h"

struct docker {
	struct reference named; /* what was asked for */
	struct places *places;
	struct registry *registry;        /* the place where it is fetched */
	size_t place;                     /* its number */
	char *cache_path, *system_caches; /* may be NULL */
	unsigned max_connections;
	struct platform_request platform;
	struct manifest manifest;
	char *manifest_digest;
	struct blob_keeper *keeper;
	struct fetch *fetch; /* NULL until something has to be fetched */
};

static inline struct cache_places docker_caches(const struct docker *d)
{
	return (struct cache_places){ .own = d->cache_path, .system = d->system_caches };
}

/* From the reference to the manifest of the platform at d->registry: d->manifest, d->manifest_digest, and its bytes. */
int docker_get_manifest(struct docker *d, struct buffer *data, struct error *err);
/* The bytes of the configuration that the manifest names. */
int docker_get_config(struct docker *d, struct buffer *data, struct error *err);
