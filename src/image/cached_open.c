#include "image/cached.h"
#include "image/record.h"

/* A whole image of the right name may still be another one that somebody renamed: ask it. */
static bool is_right(void *ctx, int fd, const char *path)
{
	const struct image_tag *tag = ctx;
	return image_record_matches_fd(fd, path, tag->digest, tag->options);
}

int image_cached_open(const struct image_cache *cache, struct image_tag *tag, char **path)
{
	return image_cache_open(cache, tag->hex, is_right, tag, path);
}
