/*
 * export/documents.h - the JSON documents of an image (OCI image spec), the same bytes for the same contents
 */
#pragma once

#include "export/export.h"
#include "source/source.h"

/*
 * Fill IMAGE's configuration and manifest for its layer. CREATED: seconds since 1970. Texts that are no UTF-8 cannot be in
 * JSON: environment and labels are left out with a [WARN] line, of the rest it is an error.
 */
int documents_make(
	struct export_image *image, const struct image_config *config, int64_t created, struct error *err);

/* index.json of a layout of this one image; TAG may be NULL. */
void documents_index(const struct export_image *image, const char *tag, struct buffer *out);
/* manifest.json of a docker-archive; TAG may be NULL. */
void documents_docker(const char *config, const char *layer, const char *tag, struct buffer *out);

#define DOCUMENTS_OCI_LAYOUT    "{\"imageLayoutVersion\":\"1.0.0\"}"
#define DOCUMENTS_MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"
#define DOCUMENTS_CONFIG_TYPE   "application/vnd.oci.image.config.v1+json"
