/*
 * image/reuse.h - an output from an image that a cache holds already
 */
#pragma once

#include "image/import.h"

/*
 * Replace the file PATH, in one step, by a copy of the image that REQ->images holds for IMAGE and OPTIONS (the text of
 * image_options_text()), if that is what a build would give, byte for byte: an image of the cache says that it comes from
 * its digest, so that only what was asked for by that does. The data are shared where the file system can (reflink), the
 * inode never. Returns 1, or 0: there is none; -1 with ERR.
 */
int image_reuse(const struct import_request *req, const struct source_image *image, const char *options,
	const char *path, struct error *err);
