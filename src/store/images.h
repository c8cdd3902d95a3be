/*
 * store/images.h - the cache of built images
 *
 * CACHE/images/HEX.sqsh, where HEX stands for the image's origin, manifest and options; and CACHE/tags/HEX,
 * small files that say which of them a request got last, so that it can be had again without asking anybody.
 *
 * Built images cannot be checked against anything: they are used only if they belong to the caller, to root, or to
 * somebody whom the administrator named. Where a name is taken by another's file, ours is called HEX.UID.sqsh. Finding
 * and reading takes no lock and writes nothing.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/sha256.h"
#include "store/places.h"

struct image_cache {
	struct cache_places places;
	const char *trust; /* uids besides ours and root's, separated by blanks or commas; NULL: none */
};

/* ORIGIN: registry and repository. */
void image_cache_key(
	const char *origin, const char *manifest_digest, const char *options, char hex[SHA256_HEX_SIZE]);

/* Is the image in FD (borrowed), found at PATH, the one that is wanted? A name may be anybody's who can write there. */
typedef bool (*image_cache_check)(void *ctx, int fd, const char *path);

/*
 * Open the image HEX, in the first place that has one which can be trusted and which CHECK (with CTX) accepts. Returns
 * its descriptor, and *PATH where it was found; the caller owns both. -1: there is none.
 */
int image_cache_open(
	const struct image_cache *c, const char *hex, image_cache_check check, void *ctx, char **path);

/* What a request (any text) got last. */
struct image_tag {
	char *digest;  /* of the manifest */
	char *options; /* as in the image's /etc/rc */
	char hex[SHA256_HEX_SIZE];
	long long time; /* when it was resolved, seconds since 1970 */
};
#define _cleanup_image_tag_ __attribute__((cleanup(image_tag_cleanup)))
void image_tag_cleanup(struct image_tag *tag);

/*
 * The tag of REQUEST in the first place that has one, from number *PLACE on, which becomes the number of that place. false:
 * nothing is known, or nothing that can be trusted.
 */
bool image_tag_load(const struct image_cache *c, const char *request, size_t *place, struct image_tag *tag);

/* The following are for who builds (enroot-image only). */

/* The path that a new image HEX gets, which the caller owns; its folder exists. NULL with ERR. */
char *image_cache_place(const struct image_cache *c, const char *hex, struct error *err);

/* Remember TAG (.time is set to now) for REQUEST. That it cannot be remembered is no failure. */
void image_tag_save(const struct image_cache *c, const char *request, const struct image_tag *tag);
