/*
 * store/places.h - where to look for what is cached: the user's own cache, then directories that are only read
 *
 * What a system-wide directory holds is trusted no more than what one's own does: blobs are hashed, images must belong
 * to somebody whom we trust. Nothing is ever written there, and no lock is taken.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct cache_places {
	const char *own;    /* ENROOT_CACHE_PATH; NULL: none */
	const char *system; /* ENROOT_CACHE_SYSTEM_PATH: directories with colons between them; NULL: none */
};

/*
 * Place number I, the own cache first; NULL: there are no more. The caller owns it. Of the system's only absolute paths
 * count.
 */
char *cache_place(const struct cache_places *p, size_t i);
/* May something be changed there? */
bool cache_place_is_own(const struct cache_places *p, size_t i);
