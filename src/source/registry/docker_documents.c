/* Manifest and configuration of an image of a registry: small documents, checked by their digests. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "source/registry/docker_private.h"
#include "store/blob.h"
#include "store/work_lock.h"

#define INDEX_DEPTH_MAX 4

/* The document DIGEST in FD, found in place number PLACE, if it is whole. */
static bool load_document(
	struct docker *d, int fd, size_t place, const char *digest, uint64_t size, struct buffer *data)
{
	const struct cache_places p = docker_caches(d);
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
	const struct cache_places p = docker_caches(d);
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

int docker_get_manifest(struct docker *d, struct buffer *data, struct error *err)
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

int docker_get_config(struct docker *d, struct buffer *data, struct error *err)
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
