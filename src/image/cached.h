/*
 * image/cached.h - images of the cache: built when they are missing
 */
#pragma once

#include "image/import.h"
#include "store/images.h"

/*
 * The image that REQ resolves to now, from the cache or built into it. *PATH becomes its path, which the caller owns.
 * The tag of REQUEST, if there is such a text, is kept in step. A hit takes no lock; it writes only when the tag moved.
 */
int image_cached(const struct import_request *req, const struct image_cache *cache, const char *request,
	char **path, struct error *err);

/* Is the file at PATH the whole image that the key HEX stands for? */
bool image_cached_is_right(const char *path, const char *hex);
