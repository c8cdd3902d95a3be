/*
 * source/manifest.h - manifests and indexes (OCI image spec, manifest.md and image-index.md; Docker's v2 schema 2)
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strv.h"
#include "source/platform.h"

#define MANIFEST_SIZE_MAX   ((size_t)4 << 20)
#define CONFIG_SIZE_MAX     ((size_t)8 << 20)
#define MANIFEST_LAYERS_MAX 10000

struct descriptor {
	char *digest;     /* a valid one */
	char *media_type; /* may be NULL */
	uint64_t size;
	struct strv urls; /* of foreign layers */
};

struct manifest {
	/* An image: */
	struct descriptor config;
	struct descriptor *layers; /* bottom first */
	size_t layer_count;
	/* or an index, of which one entry serves the request: */
	bool is_index;
	struct descriptor chosen;
};

#define _cleanup_manifest_ __attribute__((cleanup(manifest_cleanup)))
void manifest_cleanup(struct manifest *m);

/*
 * Parse a manifest and, if it is an index, choose the entry that serves REQUEST best. What is no container
 * image, malformed, ambiguous or of an abandoned kind is an error that says so; so is an index without a
 * fitting entry, with the list of those there are.
 */
int manifest_parse(struct manifest *m, const char *data, size_t len, const struct platform_request *request,
	struct error *err);

/* The types to ask a registry for, as one header. */
#define MANIFEST_ACCEPT                                               \
	"Accept: application/vnd.oci.image.index.v1+json, "           \
	"application/vnd.docker.distribution.manifest.list.v2+json, " \
	"application/vnd.oci.image.manifest.v1+json, "                \
	"application/vnd.docker.distribution.manifest.v2+json"
