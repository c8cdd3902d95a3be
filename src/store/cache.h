/*
 * store/cache.h - looking after the cache: what is in it, and what may go
 *
 * All of this is safe beside running imports and starts: what is removed while somebody reads it stays until he has
 * done, and what somebody writes has no name yet.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "store/places.h"

enum cache_kind {
	CACHE_BLOB,
	CACHE_IMAGE,
	CACHE_TAG,
	CACHE_OLD, /* of another version of the tool: never read by this one */
};
const char *cache_kind_name(enum cache_kind kind);

struct cache_entry {
	enum cache_kind kind;
	bool is_own;      /* else of a directory that is only read */
	char *path;       /* the whole path */
	const char *name; /* its end: the path below the cache directory, where that is one's own */
	uint64_t bytes;
	int64_t used; /* seconds since 1970: the later of the times of access and change */
};

struct cache_list {
	struct cache_entry *entries; /* the least recently used first */
	size_t count, capacity;
	uint64_t bytes; /* of one's own */
};
#define _cleanup_cache_list_ __attribute__((cleanup(cache_list_cleanup)))
void cache_list_cleanup(struct cache_list *list);

/* What is in all places. A cache that is not there is an empty one; a place of the system's that cannot be read is
 * left out, with a warning. */
int cache_list_read(struct cache_list *list, const struct cache_places *places, struct error *err);

struct cache_prune {
	uint64_t keep_seconds; /* what was used since then stays */
	bool is_forced;        /* not even that */
	bool has_size;
	uint64_t
		size; /* with has_size: what is used longest ago goes until so much is left; else all that may go */
};

/* Remove entries of the user's own cache at CACHE_PATH; DONE is called after each. Leftovers of killed processes go as
 * well. */
int cache_prune(const struct cache_list *list, const char *cache_path, const struct cache_prune *how,
	void (*done)(void *ctx, const struct cache_entry *entry), void *ctx, struct error *err);

/* Remove one entry, which is one's own. */
int cache_remove(const struct cache_entry *entry, struct error *err);
