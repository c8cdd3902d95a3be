/*
 * store/blob.h - the cache of blobs: CACHE_PATH/blobs/ALGORITHM/HEX, bytes as the registry sent them
 *
 * Correctness rests on atomic publication: a name exists only once its bytes were hashed and synced, and two
 * writers of one blob are harmless. What is found here may still be damaged, or planted by another member of a
 * shared cache: whoever uses a blob hashes it again. Blobs are 0640, whatever the umask, so that a group can
 * share a cache directory; the folders below take the mode of the cache directory.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/publish.h"
#include "store/places.h"

/* The path of a blob; DIGEST is a valid one. The caller owns it. */
char *blob_path(const char *cache_path, const char *digest);

/*
 * Open the blob DIGEST of exactly SIZE bytes. Returns a descriptor that the caller owns, or -1 where there is
 * none that could be used (missing, of another size, not a regular file, not readable): fetch it then.
 */
int blob_open(const char *cache_path, const char *digest, uint64_t size);

/* The same in the first place of P that has it, from number *PLACE on, which becomes the number of that place. */
int blob_find(const struct cache_places *p, const char *digest, uint64_t size, size_t *place);

/* Begin a blob of SIZE bytes: write to P->fd, hash, then blob_commit() or publish_abort(). */
int blob_begin(
	struct publish *p, const char *cache_path, const char *digest, uint64_t size, struct error *err);

/* Sync and publish what was written. That somebody else published the same blob meanwhile is success. */
int blob_commit(struct publish *p, struct error *err);

/* The lock for fetching a blob: one process at a time need do it. The folders of the blob exist then, if they can. */
struct work_lock *blob_lock(const char *cache_path, const char *digest);

/* Remove a blob whose bytes, read from FD, proved wrong; one that replaced it meanwhile stays. false: it is still there. */
bool blob_discard(const char *cache_path, const char *digest, int fd);

/* Make the folder NAME of the cache, as accessible as the cache itself, which is made as well if it is missing. */
int cache_make_folder(const char *cache_path, const char *name, struct error *err);
