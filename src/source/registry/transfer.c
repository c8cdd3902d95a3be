#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "source/registry/certs.h"
#include "source/registry/credentials.h"
#include "source/registry/fetch_private.h"

/* After so many new bytes a failure counts as the first one again. */
#define PROGRESS_BYTES  ((uint64_t)1 << 20)
/* Transfers share tokens, so one may meet an old token more than once. */
#define RENEWALS_MAX    3
/* Where there is another place it is soon asked. */
#define TRIES_OF_MIRROR 2
#define BROKEN_WAIT_MS  20
#define CHUNK_BYTES     ((size_t)256 << 10)

/*
 * Store what is in the chunk. libcurl hands out at most 16 KiB at a time; writing so little at once costs twice as
 * much.
 */
static int flush_chunk(struct transfer *t)
{
	size_t len = t->chunk_len;
	if (len == 0)
		return 0;
	t->chunk_len = 0;
	t->is_fatal =
		fetch_blob_store(t->blob, t->segment, t->chunk, len, t->received - len, &t->write_error) < 0;
	return t->is_fatal ? -1 : 0;
}

static int take_bytes(struct transfer *t, const char *data, size_t len)
{
	const struct fetch_blob *b = t->blob;
	uint64_t left = t->segment->end - t->received;
	if (len > left && t->segment->end == b->size)
		return error_set(&t->write_error, EFBIG,
			"the registry sends more than the %" PRIu64 " bytes of the manifest for layer %s",
			b->size, b->digest);
	for (size_t rest = (size_t)MIN(len, left), n; rest > 0; rest -= n) {
		n = MIN(rest, CHUNK_BYTES - t->chunk_len);
		memcpy(t->chunk + t->chunk_len, data, n);
		t->chunk_len += n;
		t->received += n;
		data += n;
		if (t->chunk_len == CHUNK_BYTES && flush_chunk(t) < 0)
			return -1;
	}
	t->is_complete = t->received == t->segment->end;
	return len > left ? -1 : 0; /* a server without ranges goes on and on: enough */
}

/* The first bytes of an answer: where in the blob do they belong? */
static int find_place(struct transfer *t)
{
	uint64_t at = t->received;
	t->has_begun = true;
	t->skip = 0;
	if (t->answer.status == 200 && t->is_ranged) {
		t->skip = at; /* the server ignored the range, or the object has another ETag now */
		fetch_blob_join_segments(t->blob, t);
	} else if (t->answer.status == 200) {
		t->skip = 0;
	} else if (!t->is_ranged || !t->answer.has_range || t->answer.range_start != at) {
		return error_set(&t->write_error, EPROTO,
			"the registry answered with another part of layer %s than asked", t->blob->digest);
	}
	return 0;
}

static size_t on_body(char *data, size_t size, size_t count, void *transfer)
{
	struct transfer *t = transfer;
	size_t len = size * count, used = 0;
	if (t->answer.status != 200 && t->answer.status != 206)
		return len; /* the text of an error */
	if (!t->has_begun && find_place(t) < 0)
		return 0;
	if (t->skip > 0) {
		used = (size_t)MIN(t->skip, len);
		t->skip -= used;
	}
	if (used < len && take_bytes(t, data + used, len - used) < 0)
		return 0;
	return len;
}

/* From now on T asks the place NUMBER. */
static void set_place(struct transfer *t, struct registry *registry, size_t number)
{
	t->registry = registry;
	t->place = number;
	t->failures = 0;
	t->renewals = 0;
	t->progress_at = t->received;
	http_configure(t->easy, &registry->options);
	/* A connection a blob: many streams in one TCP connection share its window, and cost copies. */
	curl_easy_setopt(t->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
}

static CURL *make_easy(struct transfer *t)
{
	CURL *easy = curl_easy_init();
	if (easy == NULL)
		abort(); /* out of memory */
	curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->detail);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, http_headers_take);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, &t->answer);
	return easy;
}

static void free_headers(struct transfer *t)
{
	for (struct curl_slist *l = t->headers; l != NULL; l = l->next)
		explicit_bzero(l->data, strlen(l->data));
	curl_slist_free_all(t->headers);
	t->headers = NULL;
}

static void add_header(struct transfer *t, const char *name, const char *value)
{
	char *line = xasprintf("%s: %s", name, value);
	t->headers = curl_slist_append(t->headers, line);
	explicit_bzero(line, strlen(line));
	free(line);
}

/* Range, if it is not the whole blob. */
static void set_range(struct transfer *t)
{
	const struct fetch_blob *b = t->blob;
	uint64_t at = t->received, end = t->segment->end;
	char range[64] = "";
	t->is_ranged = at > 0 || end < b->size;
	if (end < b->size)
		snprintf(range, sizeof(range), "%" PRIu64 "-%" PRIu64, at, end - 1);
	else
		snprintf(range, sizeof(range), "%" PRIu64 "-", at);
	curl_easy_setopt(t->easy, CURLOPT_RANGE, t->is_ranged ? range : NULL);
	/* A weak ETag may not be used (RFC 9110, section 13.1.5); and the servers of segments may differ in theirs. */
	bool is_whole = b->first == b->last && end == b->size;
	if (at > 0 && is_whole && b->etag != NULL && b->etag[0] == '"')
		add_header(t, "If-Range", b->etag);
}

/* The request for what is missing, to where the hop stands. */
static void send_request(struct transfer *t)
{
	free_headers(t);
	http_headers_cleanup(&t->answer);
	t->detail[0] = '\0';
	t->has_begun = false;
	if (t->authorization != NULL && !t->hop.drops_authorization)
		add_header(t, "Authorization", t->authorization);
	set_range(t);
	curl_easy_setopt(t->easy, CURLOPT_URL, t->hop.url);
	certs_apply(t->registry->options.certs, t->easy, t->hop.url);
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
	curl_multi_add_handle(t->blob->fetch->multi, t->easy);
	t->is_active = true;
}

static int begin_request(struct transfer *t, struct error *err)
{
	struct registry *r = t->registry;
	credentials_free_secret(steal_pointer(&t->authorization));
	if (t->url_index > 0) {
		http_hop_start(&t->hop,
			t->blob->urls.items[t->url_index - 1]); /* not the registry: no credentials */
		send_request(t);
		return 0;
	}
	if (auth_get(r->auth, NULL, &t->authorization, err) < 0)
		return -1;
	_cleanup_free_ char *url = registry_url(r, "blobs", t->blob->digest);
	http_hop_start(&t->hop, url);
	send_request(t);
	return 0;
}

/*
 * The next registry that answers, if T's place gives out (ERR says why). Where it is BROKEN, and did not merely refuse this
 * blob, all that comes later goes there at once.
 */
static bool next_registry(struct transfer *t, bool is_broken, const struct error *err)
{
	struct fetch *f = t->blob->fetch;
	for (size_t i = MAX(t->place + 1, f->place); i < f->places.count; i++) {
		_cleanup_error_ struct error failure = ERROR_INIT;
		struct registry *r = i == f->place ? f->registry : f->places.open(f->places.ctx, i, &failure);
		if (r == NULL) {
			log_warn("%s", failure.message);
			continue;
		}
		log_warn("%s: going on at %s", err->message, r->ref.registry);
		if (is_broken) {
			f->registry = r;
			f->place = i;
		}
		free(steal_pointer(&t->blob->etag)); /* it is the other one's */
		set_place(t, r, i);
		return true;
	}
	return false;
}

/* Where else T may ask after the failure that stands in ERR: other registries, then the blob's urls. */
static bool other_place(struct transfer *t, bool is_broken, struct error *err)
{
	if (t->is_fatal || err->code == EINTR || t->received == t->segment->end)
		return false;
	bool is_elsewhere = t->url_index == 0 && next_registry(t, is_broken, err);
	if (!is_elsewhere && t->url_index == t->blob->urls.count)
		return false;
	if (!is_elsewhere)
		t->url_index++;
	t->failures = 0;
	error_clear(err);
	return true;
}

int transfer_resume(struct transfer *t, struct error *err)
{
	while (begin_request(t, err) < 0)
		if (!other_place(t, true, err))
			return -1;
	return 0;
}

struct transfer *transfer_new(struct fetch_blob *b)
{
	struct transfer *t = xcalloc(1, sizeof(*t));
	t->blob = b;
	t->chunk = xmalloc(CHUNK_BYTES);
	t->easy = make_easy(t);
	set_place(t, b->fetch->registry, b->fetch->place);
	t->next = b->transfers;
	b->transfers = t;
	b->fetch->transfer_count++;
	return t;
}

/* Try again later (soon, if only the connection broke), if not too often yet; else ERR (set already) stands. */
static int retry(struct transfer *t, bool is_broken, int64_t retry_after_s, struct error *err)
{
	uint64_t at = t->received;
	if (at - t->progress_at >= PROGRESS_BYTES) {
		t->failures = 0;
		t->progress_at = at;
	}
	unsigned tries = http_tries(&t->registry->options);
	if (t->url_index == 0 && t->place + 1 < t->blob->fetch->places.count)
		tries = MIN(tries, TRIES_OF_MIRROR);
	if (++t->failures >= tries)
		return -1;
	int64_t wait = http_backoff_ms(t->failures, retry_after_s);
	if (is_broken && t->failures == 1)
		wait = BROKEN_WAIT_MS; /* after good progress: no server said that it is too much */
	if (wait < 0)
		return error_hint(err, "the registry asks to wait for %" PRId64 " seconds", retry_after_s);
	t->due_ms = clock_ms() + wait;
	error_clear(err);
	return 0;
}

/* 401: with a fresh token, at the same byte. */
static int renew(struct transfer *t, struct error *err)
{
	struct registry *r = t->registry;
	char *fresh = NULL;
	if (auth_get(r->auth, t->authorization, &fresh, err) < 0)
		return -1;
	bool is_same = fresh == NULL || (t->authorization != NULL && str_eq(fresh, t->authorization));
	credentials_free_secret(fresh);
	if (is_same)
		return registry_error(r, t->hop.url, 401, err);
	t->renewals++;
	return transfer_resume(t, err);
}

static int judge_status(struct transfer *t, long status, struct error *err)
{
	curl_off_t after = 0;
	curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &after);
	if (http_is_redirect(status)) {
		if (http_hop_follow(&t->hop, t->easy, err) < 0)
			return -1;
		send_request(t);
		return 0;
	}
	bool is_elsewhere = t->hop.drops_authorization;
	if (status == 401 && t->renewals < RENEWALS_MAX && !is_elsewhere && t->url_index == 0)
		return renew(t, err);
	/* A signed URL that we were sent to has ended meanwhile: the registry makes another. */
	bool is_expired = is_elsewhere && (status == 401 || status == 403) && t->is_ranged;
	if (is_expired || http_is_transient(CURLE_OK, status, true)) {
		http_error_status(err, t->hop.url, status);
		return retry(t, false, after, err);
	}
	/* A server that stumbles over ranges is asked for all at once. */
	if (t->is_ranged && t->received == 0 && (status == 400 || status == 416 || status == 501)) {
		fetch_blob_join_segments(t->blob, t);
		return transfer_resume(t, err);
	}
	if (t->url_index == 0 && !is_elsewhere)
		return registry_error(t->registry, t->hop.url, status, err);
	return http_error_status(err, t->hop.url, status);
}

/* A 200 or 206 came to its end. */
static int judge_body(struct transfer *t, CURLcode result, struct error *err)
{
	uint64_t at = t->received;
	if (at == t->segment->end)
		return 1;
	if (result == CURLE_OK)
		error_set(err, EPROTO, "layer %s ended after %" PRIu64 " of %" PRIu64 " bytes",
			t->blob->digest, at, t->segment->end);
	else
		http_error_curl(err, t->hop.url, result, t->detail, t->easy);
	if (at > t->progress_at)
		t->renewals = 0;
	if (result == CURLE_OK || http_is_transient(result, 0, true))
		return retry(t, true, 0, err);
	return -1;
}

static int judge(struct transfer *t, CURLcode result, struct error *err)
{
	long status = t->answer.status;
	if (error_is_set(&t->write_error) || flush_chunk(t) < 0)
		return error_move(err, &t->write_error);
	if (t->answer.etag != NULL && (status == 200 || status == 206)) {
		free(t->blob->etag);
		t->blob->etag = steal_pointer(&t->answer.etag);
	}
	if (status == 200 || status == 206)
		return judge_body(t, result, err);
	if (result == CURLE_OK)
		return judge_status(t, status, err);
	http_error_curl(err, t->hop.url, result, t->detail, t->easy);
	return http_is_transient(result, 0, true) ? retry(t, false, 0, err) : -1;
}

int transfer_ended(struct transfer *t, CURLcode result, struct error *err)
{
	curl_multi_remove_handle(t->blob->fetch->multi, t->easy);
	t->is_active = false;
	bool is_broken = result != CURLE_OK || t->answer.status >= 500 || t->answer.status == 429;
	int r = judge(t, result, err);
	if (r < 0 && other_place(t, is_broken, err))
		return transfer_resume(t, err);
	return r;
}

void transfer_free(struct transfer *t)
{
	struct fetch_blob *b = t->blob;
	for (struct transfer **p = &b->transfers; *p != NULL; p = &(*p)->next) {
		if (*p == t) {
			*p = t->next;
			break;
		}
	}
	b->fetch->transfer_count--;
	if (t->is_active)
		curl_multi_remove_handle(b->fetch->multi, t->easy);
	curl_easy_cleanup(t->easy);
	free_headers(t);
	http_headers_cleanup(&t->answer);
	http_hop_cleanup(&t->hop);
	credentials_free_secret(t->authorization);
	free(t->chunk);
	error_clear(&t->write_error);
	free(t);
}
