/*
 * source/registry/fetch_private.h - between fetch.c (threads, readers) and transfer.c (one blob's requests)
 */
#pragma once

#include <pthread.h>

#include "base/digest.h"
#include "base/publish.h"
#include "source/registry/fetch.h"

enum fetch_state { FETCH_QUEUED, FETCH_RUNNING, FETCH_DONE, FETCH_FAILED };

struct fetch_blob {
	struct fetch *fetch;
	char *digest;
	uint64_t size;
	struct strv urls;
	int fd; /* the spool, for readers; lives as long as the blob */

	_Atomic uint64_t arrived; /* bytes in the spool */
	_Atomic uint64_t wanted;  /* readers wait until so many have arrived; UINT64_MAX: none waits */
	pthread_cond_t changed;   /* with the lock of fetch */
	enum fetch_state state;   /* under that lock */
	struct error error;       /* set before the state becomes FETCH_FAILED */

	/* The rest is the transfer thread's alone. */
	struct publish spool;
	struct digester *digester;
	uint64_t received; /* bytes in the spool and in the chunk */
	char *chunk;       /* what is not in the spool yet */
	size_t chunk_len;
	uint64_t written_out;
	CURL *easy;
	struct curl_slist *headers;
	struct http_headers answer;
	struct http_hop hop;
	char *authorization, *etag;
	uint64_t skip;        /* bytes at the front of the answer that we have */
	uint64_t progress_at; /* bytes at the last failure that counted from 1 */
	unsigned failures;
	size_t url_index; /* 0: the registry, then URLS */
	int64_t due_ms;   /* when to try again, if not active */
	bool is_active, is_renewed, is_ranged, has_begun;
	struct error write_error;
	char detail[CURL_ERROR_SIZE];
};

struct fetch {
	struct registry *registry;
	struct blob_keeper *keeper;
	char *cache_path;
	unsigned max_connections;
	pthread_t thread;
	bool is_running;
	pthread_mutex_t lock;
	bool is_closing; /* under the lock, as are: */
	struct fetch_blob **blobs;
	size_t count, capacity;
	CURLM *multi;
};

/* Begin a blob's first request. -1: it failed for good, ERR says why. */
int transfer_begin(struct fetch_blob *b, struct error *err);
/* Begin another request for the rest. */
int transfer_resume(struct fetch_blob *b, struct error *err);

/*
 * The request ended with RESULT. Returns 1: the blob is whole and right; 0: it goes on, at once (is_active) or at
 * due_ms; -1: it failed for good, ERR says why.
 */
int transfer_ended(struct fetch_blob *b, CURLcode result, struct error *err);
/* Release what only the transfer needs. */
void transfer_cleanup(struct fetch_blob *b);

int64_t fetch_now_ms(void);
/* Bytes have arrived: wake readers that wait for them. */
void fetch_wake(struct fetch_blob *b);
