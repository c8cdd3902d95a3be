/*
 * store/images_private.h - between images.c (finding, both programs) and images_write.c (inside the room only)
 */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

#include "store/images.h"

#define TAG_HEAD "enroot-tag 1"

/* Is the owner of a file one whose work we use? */
bool image_cache_trusts(const struct image_cache *c, const struct stat *st);

/* CACHE/FOLDER/HEX[.UID]SUFFIX; the caller owns it. */
char *image_cache_path(
	const char *cache, const char *folder, const char *hex, bool with_uid, const char *suffix);
