/*
 * source/registry/fetch_private.h - between fetch.c (readers), fetch_thread.c, fetch_blob.c (one blob) and transfer.c
 * (one request after the other for a part of a blob)
 *
 * A large blob is asked for in segments. They come one after the other through one connection; where that is slow
 * and connections are free, several at once. Segments lie in the order of the blob; the digest, and with it what readers
 * may have, follows them from the front.
 */
#pragma once

#include <pthread.h>

#include "base/digest.h"
#include "base/publish.h"
#include "source/registry/fetch.h"

enum fetch_state {
	FETCH_QUEUED,
	FETCH_WAITING, /* another process fetches it: look again at poll_ms */
	FETCH_RUNNING,
	FETCH_ADOPTED, /* found in the cache meanwhile: it is being hashed */
	FETCH_DONE,
	FETCH_FAILED
};

struct segment {
	struct segment *next;
	uint64_t end;
	uint64_t stored; /* up to here the spool has it */
	uint64_t written_out;
};

/* One connection's work on a blob. */
struct transfer {
	struct fetch_blob *blob;
	struct transfer *next;
	struct registry *registry; /* where it is asked for, or was before the blob's urls */
	size_t place;              /* the number of that */
	struct segment *segment;
	uint64_t received; /* offset in the blob: in the spool and in the chunk */
	char *chunk;       /* what is not in the spool yet */
	size_t chunk_len;

	CURL *easy;
	struct curl_slist *headers;
	struct http_headers answer;
	struct http_hop hop;
	char *authorization;
	uint64_t skip;        /* bytes at the front of the answer that are not wanted */
	uint64_t progress_at; /* bytes at the last failure that counted from 1 */
	unsigned failures;
	size_t url_index;   /* 0: the registry, then the blob's urls */
	int64_t due_ms;     /* when to try again, if not active */
	int64_t started_ms; /* of the segment */
	unsigned renewals;  /* of the token, since the last progress */
	bool is_active, is_ranged, has_begun;
	bool is_complete; /* the segment has all, whatever else comes */
	bool is_fatal;    /* what failed is ours, and no other place helps */
	struct error write_error;
	char detail[CURL_ERROR_SIZE];
};

struct fetch_blob {
	struct fetch *fetch;
	char *digest;
	uint64_t size;
	struct strv urls;
	int fd; /* the spool, for readers; lives as long as the blob */

	_Atomic uint64_t arrived; /* bytes from the front that are in the spool and hashed */
	_Atomic uint64_t wanted;  /* readers wait until so many have arrived; UINT64_MAX: none waits */
	pthread_cond_t changed;   /* with the lock of fetch */
	enum fetch_state state;   /* under that lock */
	struct error error;       /* set before the state becomes FETCH_FAILED */

	/* The rest is the fetch thread's alone. */
	struct work_lock *lock; /* against other processes; NULL until the blob's turn comes */
	int64_t poll_ms, poll_interval_ms;
	struct publish spool;
	struct digester *digester;
	char *scratch; /* for hashing what lies in the spool; NULL until needed */
	char *etag;
	struct segment *first, *last; /* all segments so far */
	struct segment *hashing;      /* the one that the digest has come to */
	uint64_t hashed, next_start;
	struct transfer *transfers;
	bool is_slow, has_no_ranges;
};

struct fetch {
	struct fetch_places places;
	struct registry *registry; /* of the place in use: the fetch thread's alone, as is */
	size_t place;              /* its number; it only grows */
	struct blob_keeper *keeper;
	char *cache_path;
	unsigned max_connections;
	pthread_t thread;
	bool is_running;
	pthread_mutex_t lock;
	bool is_closing; /* under the lock, as are: */
	struct fetch_blob **blobs;
	size_t count, capacity;
	int64_t touched_ms;      /* when the locks were last touched */
	unsigned transfer_count; /* the fetch thread's alone */
	CURLM *multi;
};

/* fetch_blob.c: make the spool and the first segment. */
int fetch_blob_begin(struct fetch_blob *b, struct error *err);
/* Take the blob over from the cache, if it is there: true. */
bool fetch_blob_adopt(struct fetch_blob *b);
/* Hash some more of an adopted blob. Returns 1 at the end, if it is right; 0: there is more; or -1. */
int fetch_blob_hash(struct fetch_blob *b, struct error *err);
/* Give T the next segment; false if there is none left. */
bool fetch_blob_assign(struct fetch_blob *b, struct transfer *t);
/* The server does not know ranges: what T has begun goes to the end of the blob. */
void fetch_blob_join_segments(struct fetch_blob *b, struct transfer *t);
/* Store LEN bytes of T's segment at offset AT, and hash what that makes whole from the front. */
int fetch_blob_store(struct fetch_blob *b, struct segment *s, const char *data, size_t len, uint64_t at,
	struct error *err);
/* All has been hashed: is it right? */
int fetch_blob_check(struct fetch_blob *b, struct error *err);
/* Release what only the fetch thread needs. */
void fetch_blob_cleanup(struct fetch_blob *b);

/* transfer.c: a connection for B, with a segment; it belongs to B's list. */
struct transfer *transfer_new(struct fetch_blob *b);
void transfer_free(struct transfer *t);
/* Begin a request for the rest of the segment. -1: it failed for good, ERR says why. */
int transfer_resume(struct transfer *t, struct error *err);
/*
 * The request ended with RESULT. Returns 1: the segment is whole; 0: it goes on, at once (is_active) or at due_ms; -1: it
 * failed for good, ERR says why.
 */
int transfer_ended(struct transfer *t, CURLcode result, struct error *err);

/* The thread; FETCH is a struct fetch. */
void *fetch_run(void *fetch);
static inline bool fetch_is_over(const struct fetch_blob *b)
{
	return b->state == FETCH_DONE || b->state == FETCH_FAILED;
}
/* Bytes have arrived: wake readers that wait for them. */
void fetch_wake(struct fetch_blob *b);
