#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "cmd/cached-request.h"
#include "cmd/requests.h"
#include "image/cached.h"

/* REFERENCE without its tag; the caller owns it. */
static char *without_tag(const char *uri)
{
	const char *slash = strrchr(uri, '/'), *hash = strrchr(uri, '#');
	const char *name = hash != NULL && hash > slash ? hash : slash;
	return xstrndup(uri, (size_t)(name - uri) + strcspn(name, ":"));
}

/* Who asks by the digest, with the tag before it or without, gets the same. */
static void remember_digest(const struct settings *s, const struct image_cache *cache, const char *uri,
	const struct image_tag *tag)
{
	_cleanup_free_ char *plain = without_tag(uri);
	const char *const names[] = { plain, uri };
	for (size_t i = 0; i < (str_eq(plain, uri) ? 1 : 2); i++) {
		_cleanup_image_tag_ struct image_tag known = { 0 };
		_cleanup_free_ char *fixed = xasprintf("%s@%s", names[i], tag->digest);
		_cleanup_free_ char *request = cached_request(s, fixed);
		size_t place = 0;
		if (!image_tag_load(cache, request, &place, &known) || !str_eq(known.hex, tag->hex))
			image_tag_save(cache, request, tag);
	}
}

int cached_build(const struct settings *s, const char *uri, char **path, struct error *err)
{
	struct import_request req;
	if (request_import(s, uri, NULL, &req, err) < 0)
		return -1;
	const struct image_cache cache = cached_images(s);
	_cleanup_free_ char *request = cached_request(s, uri);
	int fd = image_cached(&req, &cache, request, path, err);
	_cleanup_image_tag_ struct image_tag tag = { 0 };
	size_t place = 0;
	if (fd >= 0 && str_starts_with(uri, "docker://") && !cached_uri_is_fixed(uri) &&
		image_tag_load(&cache, request, &place, &tag))
		remember_digest(s, &cache, uri, &tag);
	return fd;
}
