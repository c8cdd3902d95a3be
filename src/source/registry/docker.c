/* The scheme docker://: images of a registry. */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/space.h"
#include "base/str.h"
#include "source/config.h"
#include "source/manifest.h"
#include "source/platform.h"
#include "source/registry/fetch.h"
#include "source/registry/places.h"
#include "source/scheme.h"
#include "store/blob.h"
#include "store/blob_keeper.h"

#define INDEX_DEPTH_MAX 4

struct docker {
	struct reference named; /* what was asked for */
	struct places *places;
	struct registry *registry;        /* the place where it is fetched */
	size_t place;                     /* its number */
	char *cache_path, *system_caches; /* may be NULL */
	unsigned max_connections;
	struct platform_request platform;
	struct manifest manifest;
	char *manifest_digest;
	struct blob_keeper *keeper;
	struct fetch *fetch; /* NULL until something has to be fetched */
};

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

static struct cache_places caches(const struct docker *d)
{
	return (struct cache_places){ .own = d->cache_path, .system = d->system_caches };
}

/* The document DIGEST in FD, found in place number PLACE, if it is whole. */
static bool load_document(
	struct docker *d, int fd, size_t place, const char *digest, uint64_t size, struct buffer *data)
{
	const struct cache_places p = caches(d);
	_cleanup_free_ char *bytes = NULL;
	size_t len = 0;
	if (fd_read_all(fd, (size_t)size, &bytes, &len) < 0)
		return false;
	_cleanup_free_ char *actual = digest_of(digest, bytes, len);
	if (!str_eq(actual, digest)) {
		if (cache_place_is_own(&p, place))
			(void)blob_discard(d->cache_path, digest, fd);
		return false;
	}
	buffer_append(data, bytes, len);
	return true;
}

/* A document that a cache holds under DIGEST and that is whole. */
static bool load_cached(struct docker *d, const char *digest, uint64_t size, struct buffer *data)
{
	const struct cache_places p = caches(d);
	int fd;
	for (size_t i = 0; (fd = blob_find(&p, digest, size, &i)) >= 0; i++) {
		bool is_good = load_document(d, fd, i, digest, size, data);
		close(fd);
		if (is_good)
			return true;
	}
	return false;
}

/* Keep a checked document, and release its lock then; that it cannot be kept costs a request next time. */
static void keep(struct docker *d, const char *digest, const struct buffer *data, struct work_lock **lock)
{
	_cleanup_publish_ struct publish p = PUBLISH_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	if (d->cache_path != NULL && blob_begin(&p, d->cache_path, digest, data->len, &err) == 0 &&
		fd_write_full(p.fd, data->data, data->len) == 0)
		blob_keeper_put(d->keeper, &p, steal_pointer(lock));
}

static int check_content_digest(const struct http_response *response, const char *digest, struct error *err)
{
	const char *said = response->headers.content_digest;
	if (said == NULL || !digest_is_valid(said))
		return 0;
	_cleanup_free_ char *actual = digest_of(said, response->body.data, response->body.len);
	if (str_eq(actual, said))
		return 0;
	return error_set(err, EPROTO, "the manifest arrived damaged: the registry says %s, its bytes have %s",
		said, digest);
}

/* Fetch the manifest NAME (a tag or a digest) and check it. *DIGEST is its own, which the caller owns. */
static int fetch_manifest(
	struct docker *d, const char *name, struct buffer *data, char **digest, struct error *err)
{
	_cleanup_http_response_ struct http_response response = { 0 };
	bool is_digest = digest_is_valid(name);
	if (registry_get(d->registry, "manifests", name, MANIFEST_SIZE_MAX, &response, err) < 0)
		return -1;
	const char *type = response.headers.content_type;
	if (type != NULL && strstr(type, "manifest.v1+") != NULL &&
		strstr(type, "docker.distribution") != NULL) {
		error_set(err, ENOTSUP, "the image has a manifest of schema 1, which is obsolete");
		return error_hint(err, "pull and push it again with a current tool, or rebuild it");
	}
	_cleanup_free_ char *actual =
		digest_of(is_digest ? name : NULL, response.body.data, response.body.len);
	if (is_digest && !str_eq(actual, name))
		return error_set(err, EPROTO, "the manifest arrived damaged: asked was %s, its bytes have %s",
			name, actual);
	if (check_content_digest(&response, actual, err) < 0)
		return -1;
	buffer_append(data, response.body.data, response.body.len);
	*digest = steal_pointer(&actual);
	return 0;
}

/*
 * From the reference to the manifest of the platform: d->manifest, d->manifest_digest and its bytes. Indexes lead to
 * indexes at most INDEX_DEPTH_MAX times.
 */
static int resolve(struct docker *d, struct buffer *data, struct error *err)
{
	const struct reference *ref = &d->registry->ref;
	_cleanup_free_ char *name = xstrdup(ref->digest != NULL ? ref->digest : ref->tag);
	for (unsigned depth = 0; depth <= INDEX_DEPTH_MAX; depth++) {
		_cleanup_free_ char *digest = NULL;
		buffer_cleanup(data);
		uint64_t size = depth > 0 ? d->manifest.chosen.size : 0;
		if (depth > 0 && size <= MANIFEST_SIZE_MAX && load_cached(d, name, size, data))
			digest = xstrdup(name);
		else if (fetch_manifest(d, name, data, &digest, err) < 0)
			return -1;
		manifest_cleanup(&d->manifest);
		if (manifest_parse(&d->manifest, data->data, data->len, &d->platform, err) < 0)
			return -1;
		if (!d->manifest.is_index) {
			d->manifest_digest = steal_pointer(&digest);
			return 0;
		}
		free(name);
		name = xstrdup(d->manifest.chosen.digest);
	}
	return error_set(
		err, ELOOP, "the index of the image leads to more than %d further ones", INDEX_DEPTH_MAX);
}

static int get_manifest(struct docker *d, struct buffer *data, struct error *err)
{
	/* First, so that the messages come in the order people know. */
	if (registry_connect(d->registry, err) < 0)
		return -1;
	log_info("Fetching image manifest");
	return resolve(d, data, err);
}

static bool has_config(void *docker)
{
	const struct docker *d = docker;
	_cleanup_close_ int fd = blob_open(d->cache_path, d->manifest.config.digest, d->manifest.config.size);
	return fd >= 0;
}

static int get_config(struct docker *d, struct buffer *data, struct error *err)
{
	const struct descriptor *config = &d->manifest.config;
	if (load_cached(d, config->digest, config->size, data))
		return 0;
	_cleanup_work_lock_ struct work_lock *lock = NULL;
	if (d->cache_path != NULL) {
		lock = blob_lock(d->cache_path, config->digest);
		if (work_lock_wait(lock, has_config, d, err) < 0)
			return -1;
		if (load_cached(d, config->digest, config->size, data))
			return 0;
	}
	_cleanup_http_response_ struct http_response response = { 0 };
	if (registry_get(d->registry, "blobs", config->digest, CONFIG_SIZE_MAX, &response, err) < 0)
		return -1;
	_cleanup_free_ char *actual = digest_of(config->digest, response.body.data, response.body.len);
	if (!str_eq(actual, config->digest))
		return error_set(err, EPROTO,
			"the image's configuration arrived damaged: it should have %s, but has %s",
			config->digest, actual);
	buffer_append(data, response.body.data, response.body.len);
	keep(d, config->digest, data, &lock);
	return 0;
}

static int open_image(struct source *s, struct docker *d, struct error *err)
{
	struct source_image *image = &s->image;
	_cleanup_buffer_ struct buffer manifest = BUFFER_INIT;
	_cleanup_buffer_ struct buffer config = BUFFER_INIT;
	if (get_manifest(d, &manifest, err) < 0 || get_config(d, &config, err) < 0 ||
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
	return s != NULL ? open_image(s, d, err) : get_manifest(d, &data, err);
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
	const struct cache_places p = caches(d);
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
	const struct cache_places p = caches(d);
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
