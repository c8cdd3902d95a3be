/*
 * export/export.h - a container or an image file becomes an image as registries have it
 *
 * One layer: the files as the squashfs export has them (owners 0:0, nothing that only a running container needs), in byte
 * order of their names, so that one tree gives the same bytes every time. The configuration is recovered from the files
 * that import wrote (recover.h). Holes are written as zeros: image spec, layer.md, advises against sparse files.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "export/image_scan.h"
#include "export/origin.h"
#include "layer/pack.h"

struct export_options {
	enum layer_compression compression;
	unsigned threads; /* 0: as many as there are processors */
	const char *arch; /* NULL: what the root filesystem says, else this machine's */
	bool has_epoch;   /* SOURCE_DATE_EPOCH is the time of the image */
	uint32_t epoch;
	struct image_scan_limits limits;
};

/* The image but for its layer's bytes. */
struct export_image {
	struct layer_packed layer;
	enum layer_compression compression;
	struct buffer config, manifest; /* JSON */
	char config_digest[LAYER_DIGEST_SIZE], manifest_digest[LAYER_DIGEST_SIZE];
	char *architecture;
};
#define _cleanup_export_image_ __attribute__((cleanup(export_image_cleanup)))
void export_image_cleanup(struct export_image *image);

/* Write the layer to FD from where it stands, and fill IMAGE. What is left out is told by [INFO] and [WARN] lines. */
int export_image_make(const struct origin *origin, const struct export_options *options, int fd,
	struct export_image *image, struct error *err);

/* ---- formats.c, layout.c ---- */

enum export_format { EXPORT_OCI, EXPORT_OCI_ARCHIVE, EXPORT_DOCKER_ARCHIVE };

struct export_request {
	const struct origin *origin;
	const struct export_options *options;
	const char *tag; /* oci: the reference's name in the index; docker: NAME:TAG, or NULL for none */
};

/* Write an archive to FD, an empty file (seekable). *DIGEST is the manifest's. */
int export_archive(const struct export_request *req, enum export_format format, int fd,
	char digest[LAYER_DIGEST_SIZE], struct error *err);

/*
 * Make the OCI layout PATH, a directory that appears whole. With REPLACE an OCI layout there is replaced; anything else that
 * exists is refused (EEXIST).
 */
int export_layout(const struct export_request *req, const char *path, bool replace,
	char digest[LAYER_DIGEST_SIZE], struct error *err);
