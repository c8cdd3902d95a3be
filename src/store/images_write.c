#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/publish.h"
#include "store/blob.h"
#include "store/images_private.h"

#define TAG_MODE 0640

/* The path for a file of ours: the common name, or our own where somebody whom we do not trust has that. */
static char *place(const struct image_cache *c, const char *folder, const char *hex, const char *suffix)
{
	struct stat st;
	char *path = image_cache_path(c->places.own, folder, hex, false, suffix);
	if (lstat(path, &st) < 0 || (S_ISREG(st.st_mode) && image_cache_trusts(c, &st)))
		return path;
	free(path);
	return image_cache_path(c->places.own, folder, hex, true, suffix);
}

char *image_cache_place(const struct image_cache *c, const char *hex, struct error *err)
{
	if (cache_make_folder(c->places.own, "images", err) < 0)
		return NULL;
	return place(c, "images", hex, ".sqsh");
}

void image_tag_save(const struct image_cache *c, const char *request, const struct image_tag *tag)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_publish_ struct publish p = PUBLISH_INIT;
	char hex[SHA256_HEX_SIZE];
	sha256_hex_of(request, strlen(request), hex);
	if (cache_make_folder(c->places.own, "tags", &err) < 0)
		return;
	_cleanup_free_ char *path = place(c, "tags", hex, "");
	_cleanup_free_ char *text = xasprintf(TAG_HEAD "\n%lld\n%s\n%s\n%s\n%s", (long long)time(NULL),
		tag->digest, tag->hex, tag->options, request);
	if (publish_begin(&p, path, TAG_MODE, true, &err) == 0 && fchmod(p.fd, TAG_MODE) == 0 &&
		fd_write_full(p.fd, text, strlen(text)) == 0)
		(void)publish_commit(&p, true, &err);
}
