#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/str.h"
#include "source/registry/certs.h"
#include "source/registry/credentials.h"
#include "source/registry/fetch_private.h"
#include "store/blob.h"

/* After so many new bytes a failure counts as the first one again. */
#define PROGRESS_BYTES  ((uint64_t)1 << 20)
#define BROKEN_WAIT_MS  20
#define WRITE_OUT_BYTES ((uint64_t)16 << 20)
#define CHUNK_BYTES     ((size_t)256 << 10)

/*
 * Store and hash what is in the chunk. libcurl hands out at most 16 KiB at a time; writing so little at once
 * costs twice as much.
 */
static int flush_chunk(struct fetch_blob *b)
{
	uint64_t at = b->received - b->chunk_len;
	if (b->chunk_len == 0)
		return 0;
	if (fd_pwrite_full(b->spool.fd, b->chunk, b->chunk_len, at) < 0) {
		error_errno(&b->write_error, "cannot write layer %s to %s", b->digest, b->fetch->cache_path);
		return error_hint(&b->write_error, "it needs %s more; make room, or set ENROOT_CACHE_PATH",
			str_bytes(b->size - at));
	}
	digester_update(b->digester, b->chunk, b->chunk_len);
	b->chunk_len = 0;
	if (b->received - b->written_out >= WRITE_OUT_BYTES) {
		blob_keeper_write_out(
			b->fetch->keeper, b->spool.fd, b->written_out, b->received - b->written_out);
		b->written_out = b->received;
	}
	atomic_store(&b->arrived, b->received);
	if (b->received >= atomic_load(&b->wanted))
		fetch_wake(b);
	return 0;
}

static int take_bytes(struct fetch_blob *b, const char *data, size_t len)
{
	if (len > b->size - b->received)
		return error_set(&b->write_error, EFBIG,
			"the registry sends more than the %" PRIu64 " bytes of the manifest for layer %s",
			b->size, b->digest);
	while (len > 0) {
		size_t n = MIN(len, CHUNK_BYTES - b->chunk_len);
		memcpy(b->chunk + b->chunk_len, data, n);
		b->chunk_len += n;
		b->received += n;
		data += n;
		len -= n;
		if (b->chunk_len == CHUNK_BYTES && flush_chunk(b) < 0)
			return -1;
	}
	return 0;
}

/* The first bytes of an answer: where in the blob do they belong? */
static int find_place(struct fetch_blob *b)
{
	uint64_t at = b->received;
	b->has_begun = true;
	b->skip = 0;
	if (b->answer.status == 200)
		b->skip = at; /* the server ignored the range, or the object has another ETag now */
	else if (!b->is_ranged || !b->answer.has_range || b->answer.range_start != at)
		return error_set(&b->write_error, EPROTO,
			"the registry answered with another part of layer %s than asked", b->digest);
	return 0;
}

static size_t on_body(char *data, size_t size, size_t count, void *blob)
{
	struct fetch_blob *b = blob;
	size_t len = size * count, used = 0;
	if (b->answer.status != 200 && b->answer.status != 206)
		return len; /* the text of an error */
	if (!b->has_begun && find_place(b) < 0)
		return 0;
	if (b->skip > 0) {
		used = (size_t)MIN(b->skip, len);
		b->skip -= used;
	}
	if (used < len && take_bytes(b, data + used, len - used) < 0)
		return 0;
	return len;
}

static CURL *make_easy(struct fetch_blob *b)
{
	CURL *easy = curl_easy_init();
	if (easy == NULL)
		abort(); /* out of memory */
	http_configure(easy, &b->fetch->registry->options);
	/* A connection a blob: many streams in one TCP connection share its window, and cost copies. */
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, b->detail);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, b);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, b);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, http_headers_take);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, &b->answer);
	return easy;
}

static void free_headers(struct fetch_blob *b)
{
	for (struct curl_slist *l = b->headers; l != NULL; l = l->next)
		explicit_bzero(l->data, strlen(l->data));
	curl_slist_free_all(b->headers);
	b->headers = NULL;
}

static void add_header(struct fetch_blob *b, const char *name, const char *value)
{
	char *line = xasprintf("%s: %s", name, value);
	b->headers = curl_slist_append(b->headers, line);
	explicit_bzero(line, strlen(line));
	free(line);
}

/* The request for what is missing, to where the hop stands. */
static void send_request(struct fetch_blob *b)
{
	uint64_t at = b->received;
	free_headers(b);
	http_headers_cleanup(&b->answer);
	b->detail[0] = '\0';
	b->has_begun = false;
	b->is_ranged = at > 0;
	if (b->authorization != NULL && !b->hop.drops_authorization)
		add_header(b, "Authorization", b->authorization);
	if (at > 0 && b->etag != NULL && b->etag[0] == '"')
		add_header(
			b, "If-Range", b->etag); /* a weak ETag may not be used (RFC 9110, section 13.1.5) */
	char range[32];
	snprintf(range, sizeof(range), "%" PRIu64 "-", at);
	curl_easy_setopt(b->easy, CURLOPT_RANGE, at > 0 ? range : NULL);
	curl_easy_setopt(b->easy, CURLOPT_URL, b->hop.url);
	certs_apply(b->fetch->registry->options.certs, b->easy, b->hop.url);
	curl_easy_setopt(b->easy, CURLOPT_HTTPHEADER, b->headers);
	curl_multi_add_handle(b->fetch->multi, b->easy);
	b->is_active = true;
}

int transfer_resume(struct fetch_blob *b, struct error *err)
{
	struct registry *r = b->fetch->registry;
	credentials_free_secret(steal_pointer(&b->authorization));
	if (b->url_index > 0) {
		http_hop_start(
			&b->hop, b->urls.items[b->url_index - 1]); /* not the registry: no credentials */
		send_request(b);
		return 0;
	}
	if (auth_get(r->auth, NULL, &b->authorization, err) < 0)
		return -1;
	_cleanup_free_ char *url = registry_url(r, "blobs", b->digest);
	http_hop_start(&b->hop, url);
	send_request(b);
	return 0;
}

int transfer_begin(struct fetch_blob *b, struct error *err)
{
	b->digester = digester_new(b->digest);
	b->chunk = xmalloc(CHUNK_BYTES);
	b->easy = make_easy(b);
	return transfer_resume(b, err);
}

static int check_digest(struct fetch_blob *b, struct error *err)
{
	_cleanup_free_ char *digest = digester_final(b->digester);
	if (str_eq(digest, b->digest))
		return 1;
	error_set(err, EBADMSG, "layer %s arrived damaged: its bytes have the digest %s", b->digest, digest);
	return error_hint(
		err, "the registry's copy may be corrupt: push the image again, or ask its administrator");
}

/* Try again later (soon, if only the connection broke), if not too often yet; else ERR (set already) stands. */
static int retry(struct fetch_blob *b, bool is_broken, int64_t retry_after_s, struct error *err)
{
	uint64_t at = b->received;
	if (at - b->progress_at >= PROGRESS_BYTES) {
		b->failures = 0;
		b->progress_at = at;
	}
	if (++b->failures >= http_tries(&b->fetch->registry->options))
		return -1;
	int64_t wait = http_backoff_ms(b->failures, retry_after_s);
	if (is_broken && b->failures == 1)
		wait = BROKEN_WAIT_MS; /* after good progress: no server said that it is too much */
	if (wait < 0)
		return error_hint(err, "the registry asks to wait for %" PRId64 " seconds", retry_after_s);
	b->due_ms = fetch_now_ms() + wait;
	error_clear(err);
	return 0;
}

/* 401: once with a fresh token, at the same byte. */
static int renew(struct fetch_blob *b, struct error *err)
{
	struct registry *r = b->fetch->registry;
	char *fresh = NULL;
	if (auth_get(r->auth, b->authorization, &fresh, err) < 0)
		return -1;
	bool is_same = fresh == NULL || (b->authorization != NULL && str_eq(fresh, b->authorization));
	credentials_free_secret(fresh);
	if (is_same)
		return registry_error(r, b->hop.url, 401, err);
	b->is_renewed = true;
	return transfer_resume(b, err);
}

static int other_place(struct fetch_blob *b, long status, struct error *err)
{
	if (b->url_index < b->urls.count) {
		b->url_index++;
		return transfer_resume(b, err);
	}
	if (b->url_index == 0 && !b->hop.drops_authorization)
		return registry_error(b->fetch->registry, b->hop.url, status, err);
	return http_error_status(err, b->hop.url, status);
}

static int judge_status(struct fetch_blob *b, long status, struct error *err)
{
	curl_off_t after = 0;
	curl_easy_getinfo(b->easy, CURLINFO_RETRY_AFTER, &after);
	if (http_is_redirect(status)) {
		if (http_hop_follow(&b->hop, b->easy, err) < 0)
			return -1;
		send_request(b);
		return 0;
	}
	bool is_elsewhere = b->hop.drops_authorization;
	if (status == 401 && !b->is_renewed && !is_elsewhere && b->url_index == 0)
		return renew(b, err);
	/* A signed URL that we were sent to has ended meanwhile: the registry makes another. */
	bool is_expired = is_elsewhere && (status == 401 || status == 403) && b->is_ranged;
	if (is_expired || http_is_transient(CURLE_OK, status, true)) {
		http_error_status(err, b->hop.url, status);
		return retry(b, false, after, err);
	}
	return other_place(b, status, err);
}

/* A 200 or 206 came to its end. */
static int judge_body(struct fetch_blob *b, CURLcode result, struct error *err)
{
	uint64_t at = b->received;
	if (result == CURLE_OK && at == b->size)
		return check_digest(b, err);
	if (result == CURLE_OK)
		error_set(err, EPROTO, "layer %s ended after %" PRIu64 " of %" PRIu64 " bytes", b->digest, at,
			b->size);
	else
		http_error_curl(err, b->hop.url, result, b->detail, b->easy);
	b->is_renewed = b->is_renewed && at == b->progress_at;
	if (result == CURLE_OK || http_is_transient(result, 0, true))
		return retry(b, true, 0, err);
	return -1;
}

int transfer_ended(struct fetch_blob *b, CURLcode result, struct error *err)
{
	curl_multi_remove_handle(b->fetch->multi, b->easy);
	b->is_active = false;
	if (error_is_set(&b->write_error) || flush_chunk(b) < 0)
		return error_move(err, &b->write_error);
	long status = b->answer.status;
	if (b->answer.etag != NULL && (status == 200 || status == 206)) {
		free(b->etag);
		b->etag = steal_pointer(&b->answer.etag);
	}
	if (status == 200 || status == 206)
		return judge_body(b, result, err);
	if (result == CURLE_OK)
		return judge_status(b, status, err);
	http_error_curl(err, b->hop.url, result, b->detail, b->easy);
	return http_is_transient(result, 0, true) ? retry(b, false, 0, err) : -1;
}

void transfer_cleanup(struct fetch_blob *b)
{
	if (b->is_active)
		curl_multi_remove_handle(b->fetch->multi, b->easy);
	b->is_active = false;
	curl_easy_cleanup(b->easy);
	b->easy = NULL;
	free_headers(b);
	http_headers_cleanup(&b->answer);
	http_hop_cleanup(&b->hop);
	credentials_free_secret(steal_pointer(&b->authorization));
	free(steal_pointer(&b->etag));
	free(steal_pointer(&b->chunk));
	digester_free(steal_pointer(&b->digester));
	error_clear(&b->write_error);
	publish_abort(&b->spool);
}
