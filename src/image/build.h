/*
 * image/build.h - an opened source becomes the bytes of an image
 */
#pragma once

#include <sys/types.h>

#include "base/publish.h"
#include "image/import.h"

/* What one build is about; all borrowed. */
struct image_build {
	const struct import_request *req;
	struct source *source;
	const struct source_image *image;
	int fd; /* empty file to write to */
};

/* Write the whole image to .fd (no fsync). *BYTES becomes its size. */
int image_build(const struct image_build *build, uint64_t *bytes, struct error *err);

/* What /etc/rc records as "# enroot-options:": all that decides the bytes, besides the manifest. The caller owns it. */
char *image_options_text(const struct import_request *req, const struct source_image *image);

#define IMAGE_OUTPUT_MODE 0666 /* & ~umask */

/* Give P, which is complete, its name, and link what had it before to .NAME.prev: readers on other hosts of an NFS server
 * still have that open. */
int image_publish(struct publish *p, struct error *err);

/*
 * Build the image at PATH, with permissions MODE & ~umask, and replace what is there in one step; see image_write_from()
 * about SOURCE.
 */
int image_replace(const struct import_request *req, struct source **source, const char *path, mode_t mode,
	struct error *err);
