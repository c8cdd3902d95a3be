/*
 * image/build.h - an opened source becomes the bytes of an image
 */
#pragma once

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
