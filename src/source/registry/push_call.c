#include "source/registry/push_call.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/fd.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/str.h"
#include "source/registry/address.h"
#include "source/registry/certs.h"
#include "source/registry/credentials.h"

#define SEND_BUFFER (512L * 1024)
#define FAREWELL_S  3L

/* A body on its way. */
struct body {
	const struct push_call *call;
	struct progress *progress;
	uint64_t sent;
	int failure; /* errno */
};

void push_client_init(struct push_client *c, struct registry *r)
{
	*c = (struct push_client){ .registry = r, .easy = curl_easy_init() };
	if (c->easy == NULL)
		abort(); /* out of memory */
}

void push_client_cleanup(struct push_client *c)
{
	curl_easy_cleanup(c->easy);
	free(c->location);
}

/* ---- the body ---- */

static size_t read_body(char *out, size_t size, size_t count, void *body)
{
	struct body *b = body;
	const struct push_call *call = b->call;
	size_t len = (size_t)MIN((uint64_t)size * count, call->body_len - b->sent);
	if (call->text != NULL) {
		memcpy(out, call->text + b->sent, len);
	} else if (len > 0 && fd_pread_full(call->fd, out, len, call->offset + b->sent) != (ssize_t)len) {
		b->failure = errno != 0 ? errno : EIO;
		return CURL_READFUNC_ABORT;
	}
	b->sent += len;
	if (b->progress != NULL)
		progress_add(b->progress, len);
	return len;
}

/* libcurl sends it again: the connection that it kept was closed meanwhile. */
static int seek_body(void *body, curl_off_t offset, int origin)
{
	struct body *b = body;
	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > b->call->body_len)
		return CURL_SEEKFUNC_FAIL;
	b->sent = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

/* ---- one request ---- */

static void add_header(struct curl_slist **list, const char *name, const char *value)
{
	if (value == NULL)
		return;
	char *line = xasprintf("%s: %s", name, value);
	*list = curl_slist_append(*list, line);
	explicit_bzero(line, strlen(line));
	free(line);
}

static int on_progress(void *unused, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	return interrupt_requested();
}

static void configure_body(CURL *easy, struct body *body)
{
	const struct push_call *call = body->call;
	if (str_eq(call->method, "HEAD"))
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	else
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call->method);
	if (!call->has_body)
		return;
	curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)call->body_len);
	curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, SEND_BUFFER);
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, read_body);
	curl_easy_setopt(easy, CURLOPT_READDATA, body);
	curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, seek_body);
	curl_easy_setopt(easy, CURLOPT_SEEKDATA, body);
}

static void configure(struct push_client *c, struct body *body, const char *url, struct push_answer *a)
{
	CURL *easy = c->easy;
	curl_easy_reset(easy); /* the connections stay */
	http_configure(easy, &c->registry->options);
	/* An upload alone in its connection, as transfers are. */
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	certs_apply(c->registry->options.certs, easy, url);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, a->detail);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, push_answer_take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, a);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, push_answer_take_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, a);
	curl_easy_setopt(easy, CURLOPT_NOPROGRESS, body->call->is_farewell ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	if (body->call->is_farewell)
		curl_easy_setopt(easy, CURLOPT_TIMEOUT, FAREWELL_S);
	if (body->call->patience_s != 0)
		curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)body->call->patience_s);
	configure_body(easy, body);
}

/* One request to where HOP stands. */
static int perform_once(struct push_client *c, const struct push_call *call, const struct http_hop *hop,
	const char *authorization, struct push_answer *a, struct error *err)
{
	struct body body = { .call = call, .progress = c->progress };
	struct curl_slist *headers = NULL;
	push_answer_cleanup(a);
	a->url = xstrdup(hop->url);
	a->is_elsewhere = hop->drops_authorization;
	configure(c, &body, hop->url, a);
	add_header(&headers, "Accept", call->accept);
	add_header(&headers, "Content-Type", call->content_type);
	add_header(&headers, "Content-Range", call->content_range);
	if (!call->is_foreign && !hop->drops_authorization)
		add_header(&headers, "Authorization", authorization);
	curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, headers);
	a->result = curl_easy_perform(c->easy);
	curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, NULL);
	curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, NULL);
	http_free_headers(headers);
	curl_off_t after = 0;
	curl_easy_getinfo(c->easy, CURLINFO_RETRY_AFTER, &after);
	a->retry_after_s = after;
	if (!call->is_farewell && interrupt_check(err) < 0)
		return -1;
	if (body.failure != 0)
		return error_set(
			err, body.failure, "cannot read what is to be sent: %s", strerror(body.failure));
	return 0;
}

static int perform_hops(struct push_client *c, const struct push_call *call, const char *authorization,
	struct push_answer *a, struct error *err)
{
	struct http_hop hop = { 0 };
	http_hop_start(&hop, call->url);
	int r;
	while ((r = perform_once(c, call, &hop, authorization, a, err)) == 0 && a->result == CURLE_OK &&
		http_is_redirect(a->headers.status))
		if ((r = http_hop_follow(&hop, c->easy, err)) < 0)
			break;
	http_hop_cleanup(&hop);
	return r;
}

static bool is_local(const struct push_client *c)
{
	const char *peer = NULL;
	return curl_easy_getinfo(c->easy, CURLINFO_PRIMARY_IP, &peer) == CURLE_OK && peer != NULL &&
	       address_text_is_local(peer);
}

/* The registry refused VALUE: is there another one to try? It belongs to the caller; NULL: no. */
static int find_fresh(struct push_client *c, const struct push_answer *a, const char *value, char **fresh,
	struct error *err)
{
	struct auth *auth = c->registry->auth;
	const struct strv *challenges = &a->headers.www_authenticate;
	*fresh = NULL;
	if (challenges->count > 0 && (value == NULL || auth_wants_other_scope(auth, challenges)) &&
		auth_answer(auth, challenges, is_local(c), err) < 0)
		return -1;
	if (auth_get(auth, value, fresh, err) < 0)
		return -1;
	if (*fresh != NULL && value != NULL && str_eq(*fresh, value))
		credentials_free_secret(steal_pointer(fresh));
	return 0;
}

int push_perform(
	struct push_client *c, const struct push_call *call, struct push_answer *a, struct error *err)
{
	char *value = NULL, *fresh = NULL;
	if (!call->is_foreign && auth_get(c->registry->auth, NULL, &value, err) < 0)
		return -1;
	int r = perform_hops(c, call, value, a, err);
	if (r == 0 && a->headers.status == 401 && !call->is_foreign && !a->is_elsewhere) {
		r = find_fresh(c, a, value, &fresh, err);
		if (r == 0 && fresh != NULL)
			r = perform_hops(c, call, fresh, a, err);
	}
	credentials_free_secret(value);
	credentials_free_secret(fresh);
	if (r == 0 && a->location != NULL && a->headers.status >= 200 && a->headers.status < 300)
		r = push_answer_resolve(c, a, err);
	return r;
}

/* ---- failures ---- */

bool push_is_transient(const struct push_answer *a)
{
	return http_is_transient(a->result, a->headers.status, true);
}

int push_wait(const struct push_answer *a, unsigned failures, struct error *err)
{
	int64_t ms = http_backoff_ms(failures, a->retry_after_s);
	if (ms < 0)
		return error_set(err, EAGAIN, "the registry asks to wait for %lld seconds",
			(long long)a->retry_after_s);
	return http_wait(ms, err);
}

int push_perform_patiently(
	struct push_client *c, const struct push_call *call, struct push_answer *a, struct error *err)
{
	for (unsigned failures = 0;;) {
		if (push_perform(c, call, a, err) < 0)
			return -1;
		if (!push_is_transient(a) || ++failures >= http_tries(&c->registry->options))
			return 0;
		if (push_wait(a, failures, err) < 0)
			return -1;
	}
}
