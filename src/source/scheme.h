/*
 * source/scheme.h - what a kind of source has to do (inside the room only)
 *
 * source.c finds the scheme of a URI in a table and leaves the rest to it. A scheme fills source->image when it
 * opens, and keeps its own state behind source->state.
 */
#pragma once

#include <stdatomic.h>

#include "base/digest.h"
#include "source/source.h"

struct source_scheme {
	const char *prefix; /* "docker://" */
	char *(*default_name)(const char *uri, struct error *err);
	int (*digest)(
		const char *uri, const struct source_options *options, char **digest, struct error *err);
	int (*open)(
		struct source *s, const char *uri, const struct source_options *options, struct error *err);
	/* NULL: there is nothing to fetch */
	int (*prefetch)(struct source *s, const size_t *order, size_t count, struct error *err);
	int (*blob_open)(struct source *s, size_t layer, struct source_blob *blob, struct error *err);
	void (*close)(struct source *s);
};

struct source {
	const struct source_scheme *scheme;
	struct source_image image;
	void *state;
};

/* A blob being read. A scheme sets read and close and one of the two groups below. */
struct source_blob {
	const struct source_layer *layer;
	int (*read)(struct source_blob *b, void *buf, size_t len, size_t *got, struct error *err);
	void (*close)(struct source_blob *b);
	uint64_t position;
	atomic_bool is_cancelled;

	/* local: a range of a file, hashed as it is read */
	int fd;
	uint64_t start;
	struct digester *digester;
	bool is_checked;
	char *cache_path;  /* where it was found; NULL: it is no cache's */
	bool is_removable; /* from there, if it is bad */

	/* being fetched */
	struct fetch_blob *fetch;
};

/* Read the layer from FD (taken over) at START; CACHE_PATH (copied): it is that cache's, and removed there if it is
 * bad and IS_REMOVABLE. */
void source_blob_init_local(
	struct source_blob *b, int fd, uint64_t start, const char *cache_path, bool is_removable);
/* The layer's digest is not that of these bytes: do not check it. */
void source_blob_skip_digest(struct source_blob *b);

void source_image_cleanup(struct source_image *image);

/* Fill the layers of IMAGE from its configuration, which must fit them. */
struct manifest;
int source_image_set_layers(struct source_image *image, const struct manifest *m, struct error *err);
/* Is the image for the architecture that was asked for? A warning, or where it was named an error. */
struct platform_request;
int source_image_check_platform(
	const struct source_image *image, const struct platform_request *request, struct error *err);

extern const struct source_scheme source_docker, source_oci, source_oci_archive, source_docker_archive,
	source_tar, source_dockerd, source_podman;
