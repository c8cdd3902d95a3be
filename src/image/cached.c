#include "image/cached.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/space.h"
#include "base/str.h"
#include "image/build.h"
#include "image/record.h"
#include "store/work_lock.h"

#define IMAGE_MODE 0640

struct wanted {
	const struct image_cache *cache;
	struct image_tag tag;
	int fd;     /* of the image, once it is there; -1 */
	char *path; /* where that is */
};

static bool is_there(void *ctx)
{
	struct wanted *w = ctx;
	if (w->fd < 0)
		w->fd = image_cached_open(w->cache, &w->tag, &w->path);
	return w->fd >= 0;
}

static int build(
	const struct import_request *req, struct source **source, struct wanted *w, struct error *err)
{
	_cleanup_free_ char *place = image_cache_place(w->cache, w->tag.hex, err);
	if (place == NULL)
		return space_hint(w->cache->places.own, 0, "ENROOT_CACHE_PATH", err);
	_cleanup_work_lock_ struct work_lock *lock = work_lock_new(place);
	int r = work_lock_wait(lock, is_there, w, err);
	if (r <= 0)
		return r;
	work_lock_keep(lock);
	struct import_request pinned = *req;
	pinned.by_digest = true;
	if (image_replace(&pinned, source, place, IMAGE_MODE, err) < 0)
		return error_hint(err, "ENROOT_CACHE_PATH names the cache directory");
	if (is_there(w))
		(void)fchmod(w->fd, IMAGE_MODE); /* whatever the umask: the cache may be a group's */
	else
		return error_set(err, ESTALE, "%s was changed by somebody else", place);
	return 0;
}

static void keep_tag(const struct wanted *w, const char *request)
{
	_cleanup_image_tag_ struct image_tag old = { 0 };
	size_t place = 0;
	if (image_tag_load(w->cache, request, &place, &old) && str_eq(old.digest, w->tag.digest) &&
		str_eq(old.options, w->tag.options) && str_eq(old.hex, w->tag.hex))
		return;
	image_tag_save(w->cache, request, &w->tag);
}

int image_cached(const struct import_request *req, const struct image_cache *cache, const char *request,
	char **path, struct error *err)
{
	struct source *source;
	if (source_open(req->uri, &req->source, &source, err) < 0)
		return -1;
	const struct source_image *image = source_image(source);
	struct wanted w = {
		.cache = cache,
		.fd = -1,
		.tag = { .digest = xstrdup(image->manifest_digest),
			.options = image_options_text(req, image) },
	};
	image_cache_key(image->origin != NULL ? image->origin : image->provenance, w.tag.digest,
		w.tag.options, w.tag.hex);
	int r = is_there(&w) ? 0 : build(req, &source, &w, err);
	if (r == 0 && request != NULL)
		keep_tag(&w, request);
	source_close(source);
	image_tag_cleanup(&w.tag);
	*path = w.path;
	return r == 0 ? w.fd : -1;
}

bool image_cached_is_right(const char *path, const char *hex)
{
	_cleanup_image_record_ struct image_record r;
	char key[SHA256_HEX_SIZE];
	if (!image_record_read(path, &r))
		return false;
	/* What a registry gave is recorded as ORIGIN:DIGEST. */
	size_t origin = strlen(r.provenance), digest = strlen(r.digest);
	if (origin > digest && str_ends_with(r.provenance, r.digest) &&
		r.provenance[origin - digest - 1] == ':')
		r.provenance[origin - digest - 1] = '\0';
	image_cache_key(r.provenance, r.digest, r.options, key);
	return str_starts_with(hex, key);
}
