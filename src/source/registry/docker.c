/* The scheme docker://: images of a registry. */
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/space.h"
#include "base/str.h"
#include "source/config.h"
#include "source/registry/docker_private.h"
#include "source/scheme.h"
#include "store/blob.h"

/* What one place said is nothing that counts at the next. */
static void forget(struct docker *d)
{
	fetch_free(steal_pointer(&d->fetch));
	manifest_cleanup(&d->manifest);
	free(steal_pointer(&d->manifest_digest));
}

static void docker_cleanup(struct docker *d)
{
	forget(d);
	blob_keeper_free(d->keeper);
	places_free(d->places);
	reference_cleanup(&d->named);
	platform_request_cleanup(&d->platform);
	free(d->cache_path);
	free(d->system_caches);
	*d = (struct docker){ 0 };
}

static int docker_init(struct docker *d, const char *uri, const struct source_options *o, struct error *err)
{
	*d = (struct docker){ 0 };
	if (platform_request_parse(&d->platform, o->arch, err) < 0 ||
		reference_parse(&d->named, uri, err) < 0 || (d->places = places_new(uri, o, err)) == NULL)
		return -1;
	d->cache_path = o->cache_path != NULL ? xstrdup(o->cache_path) : NULL;
	d->system_caches = o->system_caches != NULL ? xstrdup(o->system_caches) : NULL;
	d->max_connections = o->max_connections;
	d->keeper = blob_keeper_new();
	return 0;
}

static int open_image(struct source *s, struct docker *d, struct error *err)
{
	struct source_image *image = &s->image;
	_cleanup_buffer_ struct buffer manifest = BUFFER_INIT;
	_cleanup_buffer_ struct buffer config = BUFFER_INIT;
	if (docker_get_manifest(d, &manifest, err) < 0 || docker_get_config(d, &config, err) < 0 ||
		image_config_parse(&image->config, config.data, config.len, err) < 0)
		return -1;
	image->provenance = reference_provenance(&d->named);
	image->origin = xasprintf("docker://%s#%s", d->named.registry, d->named.repository);
	image->default_name = reference_default_name(&d->named);
	image->manifest_digest = xstrdup(d->manifest_digest);
	if (source_image_check_platform(image, &d->platform, err) < 0)
		return -1;
	return source_image_set_layers(image, &d->manifest, err);
}

/* Open the image for S, or only find its digest where S is NULL. */
static int try_place(struct source *s, struct docker *d, struct error *err)
{
	_cleanup_buffer_ struct buffer data = BUFFER_INIT;
	d->registry = places_get(d->places, d->place, err);
	if (d->registry == NULL)
		return -1;
	return s != NULL ? open_image(s, d, err) : docker_get_manifest(d, &data, err);
}

/* One place after the other; the last one's failure is the one that is told. */
static int try_places(struct source *s, struct docker *d, struct error *err)
{
	size_t count = places_count(d->places);
	for (;; d->place++) {
		const char *name = places_name(d->places, d->place);
		bool is_mirror = places_is_mirror(d->places, d->place);
		if (is_mirror)
			log_info("Trying mirror %s", name);
		if (try_place(s, d, err) == 0)
			return 0;
		if (d->place + 1 == count || err->code == EINTR)
			return -1;
		log_warn("%s %s: %s", is_mirror ? "Mirror" : "Registry", name, err->message);
		error_clear(err);
		forget(d);
		if (s != NULL)
			source_image_cleanup(&s->image);
	}
}

static int docker_open(struct source *s, const char *uri, const struct source_options *o, struct error *err)
{
	s->state = xcalloc(1, sizeof(struct docker));
	if (o->cache_path == NULL)
		return error_set(err, EINVAL, "no cache directory is set");
	return docker_init(s->state, uri, o, err) < 0 ? -1 : try_places(s, s->state, err);
}

static void docker_close(struct source *s)
{
	if (s->state != NULL)
		docker_cleanup(s->state);
	free(s->state);
}

static int docker_digest(const char *uri, const struct source_options *o, char **digest, struct error *err)
{
	struct docker d;
	int r = docker_init(&d, uri, o, err) < 0 ? -1 : try_places(NULL, &d, err);
	if (r == 0)
		*digest = steal_pointer(&d.manifest_digest);
	docker_cleanup(&d);
	return r;
}

static char *docker_default_name(const char *uri, struct error *err)
{
	_cleanup_reference_ struct reference ref;
	return reference_parse(&ref, uri, err) == 0 ? reference_default_name(&ref) : NULL;
}

static bool is_cached(const struct docker *d, const struct source_layer *layer)
{
	const struct cache_places p = docker_caches(d);
	size_t place = 0;
	_cleanup_close_ int fd = blob_find(&p, layer->digest, layer->size, &place);
	return fd >= 0;
}

/* Place I, counted from the one that had the image, when those before it fail; for the thread that fetches. */
static struct registry *open_place(void *docker, size_t i, struct error *err)
{
	struct docker *d = docker;
	struct registry *r = places_get(d->places, d->place + i, err);
	return r != NULL && registry_connect(r, err) == 0 ? r : NULL;
}

static struct fetch_blob *begin_fetch(struct docker *d, size_t layer, struct error *err)
{
	const struct descriptor *l = &d->manifest.layers[layer];
	if (registry_connect(d->registry, err) < 0)
		return NULL;
	const struct fetch_places from = {
		.count = places_count(d->places) - d->place, .open = open_place, .ctx = d
	};
	if (d->fetch == NULL)
		d->fetch = fetch_new(&from, d->registry, d->cache_path, d->max_connections, d->keeper);
	return fetch_add(d->fetch, l->digest, l->size, &l->urls, err);
}

/* Better known now than after an hour. */
static int check_space(const struct docker *d, uint64_t bytes, struct error *err)
{
	struct statvfs fs;
	if (statvfs(d->cache_path, &fs) < 0 || fs.f_blocks == 0)
		return 0;
	uint64_t free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (bytes <= free_bytes)
		return 0;
	error_set(err, ENOSPC, "the layers do not fit into %s: %s", d->cache_path, strerror(ENOSPC));
	return space_hint(d->cache_path, bytes, "ENROOT_CACHE_PATH", err);
}

/* Those of ORDER that have to be fetched, each digest once; returns how many. */
static size_t list_missing(
	struct source *s, const size_t *order, size_t count, size_t *missing, uint64_t *bytes)
{
	size_t n = 0;
	*bytes = 0;
	for (size_t i = 0; i < count; i++) {
		const struct source_layer *l = &s->image.layers[order[i]];
		bool is_known = false;
		for (size_t j = 0; j < n && !is_known; j++)
			is_known = str_eq(s->image.layers[missing[j]].digest, l->digest);
		if (is_known || is_cached(s->state, l))
			continue;
		missing[n++] = order[i];
		*bytes += l->size;
	}
	return n;
}

static int docker_prefetch(struct source *s, const size_t *order, size_t count, struct error *err)
{
	struct docker *d = s->state;
	_cleanup_free_ size_t *missing = xcalloc(count + 1, sizeof(*missing));
	uint64_t bytes;
	size_t n = list_missing(s, order, count, missing, &bytes);
	if (n == 0) {
		log_info("Found all layers in cache");
		return 0;
	}
	log_info("Downloading %zu missing layers...", n);
	if (check_space(d, bytes, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (begin_fetch(d, missing[i], err) == NULL)
			return -1;
	return 0;
}

static int read_fetched(struct source_blob *b, void *buf, size_t len, size_t *got, struct error *err)
{
	if (fetch_read(b->fetch, b->position, buf, len, got, &b->is_cancelled, err) < 0)
		return -1;
	b->position += *got;
	return 0;
}

static void close_fetched(struct source_blob *b)
{
	b->fetch = NULL; /* it belongs to the source, and goes on */
}

static int docker_blob_open(struct source *s, size_t layer, struct source_blob *b, struct error *err)
{
	struct docker *d = s->state;
	b->fetch = d->fetch != NULL ? fetch_find(d->fetch, b->layer->digest) : NULL;
	const struct cache_places p = docker_caches(d);
	size_t place = 0;
	int fd = b->fetch == NULL ? blob_find(&p, b->layer->digest, b->layer->size, &place) : -1;
	if (fd >= 0) {
		_cleanup_free_ char *cache = cache_place(&p, place);
		source_blob_init_local(b, fd, 0, cache, cache_place_is_own(&p, place));
		return 0;
	}
	if (b->fetch == NULL)
		b->fetch = begin_fetch(d, layer, err);
	if (b->fetch == NULL)
		return -1;
	b->read = read_fetched;
	b->close = close_fetched;
	return 0;
}

const struct source_scheme source_docker = {
	.prefix = "docker://",
	.default_name = docker_default_name,
	.digest = docker_digest,
	.open = docker_open,
	.prefetch = docker_prefetch,
	.blob_open = docker_blob_open,
	.close = docker_close,
};
