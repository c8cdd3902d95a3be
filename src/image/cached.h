/*
 * image/cached.h - images of the cache: built when they are missing
 */
#pragma once

#include "image/import.h"
#include "store/images.h"

/*
 * The image that REQ resolves to now, from a cache or built into the user's own. Returns its descriptor, and in *PATH where
 * it was found; the caller owns both. The tag of REQUEST, if there is such a text, is kept in step. A hit takes no lock; it
 * writes only when the tag moved.
 */
int image_cached(const struct import_request *req, const struct image_cache *cache, const char *request,
	char **path, struct error *err);

/* The image of TAG, if a cache has it: its descriptor, and in *PATH where; the caller owns both. Else -1. */
int image_cached_open(const struct image_cache *cache, struct image_tag *tag, char **path);

/* Is the file at PATH the whole image that the key HEX stands for? */
bool image_cached_is_right(const char *path, const char *hex);
