/*
 * source/registry/fetch.h - blobs from a registry, many at once, readable while they arrive
 *
 * One thread drives all transfers. What arrives is written to a spool file in the cache, hashed, and may be read at
 * once; a whole and right blob is then published. A transfer that breaks is resumed at the byte where it broke, and
 * where a mirror gives out, at the next place that has the image.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strv.h"
#include "source/registry/registry.h"
#include "store/blob_keeper.h"

struct fetch;
struct fetch_blob;

/* Where blobs come from when the first registry fails: others that have the same, tried in turn. */
struct fetch_places {
	size_t count; /* with the first one, which is number 0 */
	/* Number I, from 1 on, connected; borrowed. Called from the thread that fetches. NULL with ERR: try the next. */
	struct registry *(*open)(void *ctx, size_t i, struct error *err);
	void *ctx;
};

/* FIRST and KEEPER are borrowed, FIRST is connected; PLACES and CACHE_PATH are copied. */
struct fetch *fetch_new(const struct fetch_places *places, struct registry *first, const char *cache_path,
	unsigned max_connections, struct blob_keeper *keeper);
/* Ends all transfers; blobs must not be read any more. */
void fetch_free(struct fetch *f);

/*
 * Begin to fetch a blob, after those that were asked for before. URLS (may be NULL) are where else a foreign layer
 * is found. The result belongs to F.
 */
struct fetch_blob *fetch_add(
	struct fetch *f, const char *digest, uint64_t size, const struct strv *urls, struct error *err);
/* The blob of that digest which is being or was fetched and did not fail, or NULL. */
struct fetch_blob *fetch_find(struct fetch *f, const char *digest);

/*
 * Wait for bytes at OFFSET and read up to LEN of them. *GOT is 0 only at the end, once the digest was checked. A
 * failed transfer is an error with its reason (EBADMSG: the bytes were wrong). ECANCELED soon after another thread
 * sets *CANCELLED.
 */
int fetch_read(struct fetch_blob *b, uint64_t offset, void *buf, size_t len, size_t *got,
	const atomic_bool *cancelled, struct error *err);
