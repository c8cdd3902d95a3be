/*
 * source/source.h - where an image comes from
 *
 * Registries, layouts, archives and daemons all yield the same: a configuration, the digest of the manifest, and
 * layers whose compressed bytes can be read (and read again). Nothing is extracted here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strv.h"

struct source_label {
	char *key, *value;
};

/* The OCI image configuration (image spec, config.md), as far as a container of ours uses it. */
struct image_config {
	char *architecture, *os, *variant; /* GOARCH, GOOS; may be NULL */
	int64_t created;                   /* seconds since 1970, or -1 when absent or unusable */
	struct strv env, entrypoint, cmd, volumes, diff_ids;
	char *working_dir, *user, *stop_signal; /* may be NULL */
	struct source_label *labels;            /* in byte order of the keys */
	size_t label_count;
};

struct source_layer {
	char *digest;  /* "sha256:HEX" of the compressed bytes */
	char *diff_id; /* "sha256:HEX" of the tar, from the configuration */
	uint64_t size; /* compressed bytes */
};

struct source_image {
	char *provenance;      /* for /etc/rc: docker://REGISTRY#IMAGE:TAG, always spelled out */
	char *origin;          /* docker://REGISTRY#IMAGE, without the tag; NULL where there is no registry */
	char *default_name;    /* file name of import without ".sqsh" (COMPAT: "/" and ":" become "+") */
	char *manifest_digest; /* of the platform's manifest */
	struct image_config config;
	struct source_layer *layers; /* bottom first */
	size_t layer_count;
};

struct source_options {
	const char *arch;          /* --arch, NULL: the host's */
	const char *config_path;   /* ENROOT_CONFIG_PATH: .credentials */
	const char *cache_path;    /* ENROOT_CACHE_PATH */
	const char *system_caches; /* ENROOT_CACHE_SYSTEM_PATH; NULL: none */
	unsigned max_connections;  /* 0: unlimited */
	unsigned connect_timeout_s;
	unsigned transfer_timeout_s; /* 0: none */
	int transfer_retries;        /* -1: unset */
	bool is_reversed; /* ask the registry itself first, then its mirrors from the last one on */
	bool allow_http;
};

struct source;
struct source_blob;

/* The default name of an output for URI, from its text alone (no network); the caller owns it. NULL with ERR
 * ("Invalid image reference: URI"). */
char *source_default_name(const char *uri, struct error *err);

/* Resolve URI: fetch and check manifest and configuration. Layers are not fetched yet. The strings of OPTIONS are borrowed
 * until the source is closed. */
int source_open(
	const char *uri, const struct source_options *options, struct source **source, struct error *err);
void source_close(struct source *source);

/* Only the digest of the platform's manifest ("sha256:HEX"), which the caller owns. */
int source_digest(const char *uri, const struct source_options *options, char **digest, struct error *err);

const struct source_image *source_image(const struct source *source);

/*
 * Begin to fetch the layers in the background, those of ORDER (COUNT indexes) first; the same digest is fetched
 * once. Layers that are in the cache need no network. Not starting anything here is fine: opening a blob does.
 */
int source_prefetch(struct source *source, const size_t *order, size_t count, struct error *err);

/*
 * Read the compressed bytes of a layer, as they arrive. At the end of the stream the digest of all bytes has been
 * checked: a mismatch is an error of the last read, never an end. May be opened again after it was closed.
 */
int source_blob_open(struct source *source, size_t layer, struct source_blob **blob, struct error *err);
int source_blob_read(struct source_blob *blob, void *buf, size_t len, size_t *got, struct error *err);
/*
 * Read what is left, only to know whether the bytes are right: 0, or -1 with EBADMSG if they are not. For whoever
 * could make no sense of them: damage is the better explanation, and it can be mended.
 */
int source_blob_finish(struct source_blob *blob, struct error *err);
/* From another thread: a read that waits for bytes shall fail soon (ECANCELED), and so shall all later ones. */
void source_blob_cancel(struct source_blob *blob);
void source_blob_close(struct source_blob *blob);
