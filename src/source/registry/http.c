#include "source/registry/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/interrupt.h"
#include "base/memory.h"
#include "source/registry/address.h"
#include "source/registry/certs.h"

struct http {
	CURL *easy;
	struct http_options options;
	bool is_known;      /* some request was answered */
	bool refuses_local; /* of the request under way */
	struct http_response *response;
	size_t max_body;
	char detail[CURL_ERROR_SIZE];
};

void http_response_cleanup(struct http_response *r)
{
	http_headers_cleanup(&r->headers);
	if (r->body.data != NULL)
		explicit_bzero(r->body.data, r->body.len); /* it may be a token */
	buffer_cleanup(&r->body);
	r->is_local = false;
}

static size_t take_body(char *data, size_t size, size_t count, void *http)
{
	struct http *h = http;
	size_t len = size * count;
	if (len > h->max_body - h->response->body.len)
		return 0; /* CURLE_WRITE_ERROR */
	buffer_append(&h->response->body, data, len);
	return len;
}

/* Called about once a second: the way to end a request. */
static int on_progress(void *unused, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	return interrupt_requested();
}

static curl_socket_t open_socket(void *http, curlsocktype purpose, struct curl_sockaddr *a)
{
	const struct http *h = http;
	if (h->refuses_local && address_is_local(&a->addr)) {
		errno = EACCES;
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

struct http *http_new(const struct http_options *options)
{
	struct http *h = xcalloc(1, sizeof(*h));
	h->options = *options;
	h->easy = curl_easy_init();
	if (h->easy == NULL)
		abort(); /* out of memory */
	http_configure(h->easy, options);
	curl_easy_setopt(h->easy, CURLOPT_ERRORBUFFER, h->detail);
	curl_easy_setopt(h->easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(h->easy, CURLOPT_WRITEDATA, h);
	curl_easy_setopt(h->easy, CURLOPT_HEADERFUNCTION, http_headers_take);
	curl_easy_setopt(h->easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(h->easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(h->easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(h->easy, CURLOPT_OPENSOCKETDATA, h);
	return h;
}

void http_free(struct http *h)
{
	if (h == NULL)
		return;
	curl_easy_cleanup(h->easy);
	free(h);
}

const struct http_options *http_get_options(const struct http *h)
{
	return &h->options;
}

static struct curl_slist *make_headers(const struct http_request *request, const struct http_hop *hop)
{
	struct curl_slist *list = NULL;
	if (request->accept != NULL)
		list = curl_slist_append(list, request->accept);
	if (request->authorization != NULL && !hop->drops_authorization) {
		char *line = xasprintf("Authorization: %s", request->authorization);
		list = curl_slist_append(list, line);
		explicit_bzero(line, strlen(line));
		free(line);
	}
	return list;
}

/* One request to where HOP stands. */
static CURLcode perform_once(struct http *h, const struct http_request *request, const struct http_hop *hop,
	struct http_response *response)
{
	http_response_cleanup(response);
	h->response = response;
	h->max_body = request->max_body;
	h->refuses_local = request->refuse_local;
	h->detail[0] = '\0';
	struct curl_slist *headers = make_headers(request, hop);
	curl_easy_setopt(h->easy, CURLOPT_URL, hop->url);
	certs_apply(h->options.certs, h->easy, hop->url);
	curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(h->easy, CURLOPT_HEADERDATA, &response->headers);
	if (request->form != NULL)
		curl_easy_setopt(h->easy, CURLOPT_POSTFIELDS, request->form);
	else
		curl_easy_setopt(h->easy, CURLOPT_HTTPGET, 1L);
	CURLcode result = curl_easy_perform(h->easy);
	curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, NULL);
	http_free_headers(headers);
	curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &response->headers.status);
	const char *peer = NULL;
	if (curl_easy_getinfo(h->easy, CURLINFO_PRIMARY_IP, &peer) == CURLE_OK && peer != NULL)
		response->is_local = address_text_is_local(peer);
	return result;
}

static int explain_failure(struct http *h, const char *url, CURLcode result, struct error *err)
{
	if (interrupt_check(err) < 0)
		return -1;
	_cleanup_free_ char *shown = http_url_for_messages(url);
	if (result == CURLE_WRITE_ERROR)
		return error_set(err, EFBIG, "the answer of %s is longer than %zu bytes", shown, h->max_body);
	if (result == CURLE_COULDNT_CONNECT && h->refuses_local)
		error_set(err, EACCES,
			"cannot connect to %s, or it is a local address that a remote registry must "
			"not name",
			shown);
	return error_is_set(err) ? -1 : http_error_curl(err, url, result, h->detail, h->easy);
}

/* Repeat the request until its answer is final. A failure leaves ERR set. */
static int perform_with_retries(struct http *h, const struct http_request *request,
	const struct http_hop *hop, struct http_response *response, struct error *err)
{
	for (unsigned failures = 0;;) {
		CURLcode result = perform_once(h, request, hop, response);
		long status = response->headers.status;
		bool is_again = http_is_transient(result, status, h->is_known) && !interrupt_requested() &&
				++failures < http_tries(&h->options);
		h->is_known = h->is_known || status != 0;
		curl_off_t after = 0;
		curl_easy_getinfo(h->easy, CURLINFO_RETRY_AFTER, &after);
		int64_t wait = is_again ? http_backoff_ms(failures, after) : -1;
		if (wait < 0)
			return result == CURLE_OK ? 0 : explain_failure(h, hop->url, result, err);
		if (http_wait(wait, err) < 0)
			return -1;
	}
}

static int follow_redirects(struct http *h, const struct http_request *request, struct http_hop *hop,
	struct http_response *response, struct error *err)
{
	for (;;) {
		if (perform_with_retries(h, request, hop, response, err) < 0)
			return -1;
		if (!http_is_redirect(response->headers.status))
			return 0;
		if (request->form != NULL)
			return error_set(err, EPROTO, "%s redirects a request that holds a secret", hop->url);
		if (http_hop_follow(hop, h->easy, err) < 0)
			return -1;
	}
}

int http_perform(
	struct http *h, const struct http_request *request, struct http_response *response, struct error *err)
{
	struct http_hop hop = { 0 };
	http_hop_start(&hop, request->url);
	int r = follow_redirects(h, request, &hop, response, err);
	response->is_elsewhere = hop.drops_authorization;
	http_hop_cleanup(&hop);
	return r;
}

char *http_escape(const char *text)
{
	char *escaped = curl_easy_escape(NULL, text, 0);
	if (escaped == NULL)
		abort(); /* out of memory */
	char *copy = xstrdup(escaped);
	curl_free(escaped);
	return copy;
}
