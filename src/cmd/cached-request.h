/*
 * cmd/cached-request.h - how both programs name a request for a cached image
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "config/settings.h"
#include "store/images.h"

/* Where the cached images are, and whose are trusted: ENROOT_CACHE_PATH, _SYSTEM_PATH and _TRUST. The strings are S's. */
struct image_cache cached_images(const struct settings *s);

/* The text that stands for URI and all that decides what it becomes on this machine; the caller owns it. */
char *cached_request(const struct settings *s, const char *uri);

/* Does URI name one manifest for ever, so that what a cache has for it needs no asking? */
bool cached_uri_is_fixed(const char *uri);

/* For who builds (enroot-image only): the image that URI resolves to now, from a cache or built into one's own. Its
 * descriptor, and in *PATH where; the caller owns both. The same image is found by its digest from then on. */
int cached_build(const struct settings *s, const char *uri, char **path, struct error *err);

/* The image that some cache has for URI, as it was got last: its descriptor, and in *PATH where; the caller owns both. */
int cached_find(const struct settings *s, const char *uri, char **path);
