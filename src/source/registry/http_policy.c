/* The rules of http.h that single requests and parallel transfers share. */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>

#include "base/interrupt.h"
#include "base/memory.h"
#include "base/str.h"
#include "build-config.h"
#include "source/registry/http.h"

#define HTTP_TRIES_DEFAULT 5
#define BACKOFF_FIRST_MS   500
#define BACKOFF_MAX_MS     30000
#define RETRY_AFTER_MAX_S  300
#define STALL_S            60
#define WAIT_SLICE_MS      200
#define RECEIVE_BUFFER     (512L * 1024)

void http_headers_cleanup(struct http_headers *h)
{
	strv_cleanup(&h->www_authenticate);
	free(h->content_digest);
	free(h->content_type);
	free(h->etag);
	*h = (struct http_headers){ 0 };
}

/* "bytes 100-199/200" */
static void take_range(struct http_headers *h, const char *value)
{
	char *end;
	if (strncasecmp(value, "bytes ", 6) != 0)
		return;
	value += 6;
	errno = 0;
	h->range_start = strtoull(value, &end, 10);
	h->has_range = end > value && *end == '-' && errno == 0;
}

static void take_string(char **slot, const char *value)
{
	free(*slot);
	*slot = xstrdup(value);
}

/* "HTTP/1.1 200 OK", "HTTP/2 200" */
static long parse_status(const char *line, size_t len)
{
	const char *blank = memchr(line, ' ', len);
	long status = 0;
	for (const char *p = blank; p != NULL && ++p < line + len && *p >= '0' && *p <= '9' && status < 1000;)
		status = status * 10 + (*p - '0');
	return status;
}

size_t http_headers_take(char *line, size_t size, size_t count, void *headers)
{
	struct http_headers *h = headers;
	size_t len = size * count;
	if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) {
		http_headers_cleanup(h); /* another answer begins, after "100 Continue" for instance */
		h->status = parse_status(line, len);
		return len;
	}
	_cleanup_free_ char *text = xstrndup(line, len);
	text[strcspn(text, "\r\n")] = '\0';
	char *colon = strchr(text, ':');
	if (colon == NULL)
		return len;
	*colon = '\0';
	const char *value = colon + 1 + strspn(colon + 1, " \t");
	if (strcasecmp(text, "www-authenticate") == 0 && h->www_authenticate.count < 16)
		strv_push(&h->www_authenticate, value);
	else if (strcasecmp(text, "docker-content-digest") == 0)
		take_string(&h->content_digest, value);
	else if (strcasecmp(text, "content-type") == 0)
		take_string(&h->content_type, value);
	else if (strcasecmp(text, "etag") == 0)
		take_string(&h->etag, value);
	else if (strcasecmp(text, "content-range") == 0)
		take_range(h, value);
	return len;
}

void http_hop_cleanup(struct http_hop *hop)
{
	free(hop->url);
	*hop = (struct http_hop){ 0 };
}

void http_hop_start(struct http_hop *hop, const char *url)
{
	http_hop_cleanup(hop);
	hop->url = xstrdup(url);
}

bool http_is_redirect(long status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static char *url_part(CURLU *u, CURLUPart part)
{
	char *value = NULL;
	if (curl_url_get(u, part, &value, CURLU_DEFAULT_PORT) != CURLUE_OK)
		return NULL;
	char *copy = xstrdup(value);
	curl_free(value);
	return copy;
}

static bool is_same_part(CURLU *a, CURLU *b, CURLUPart part)
{
	_cleanup_free_ char *left = url_part(a, part);
	_cleanup_free_ char *right = url_part(b, part);
	return left != NULL && right != NULL && strcasecmp(left, right) == 0;
}

bool http_is_same_origin(CURLU *a, CURLU *b)
{
	return is_same_part(a, b, CURLUPART_SCHEME) && is_same_part(a, b, CURLUPART_HOST) &&
	       is_same_part(a, b, CURLUPART_PORT);
}

static int check_hop(struct http_hop *hop, CURLU *from, CURLU *to, struct error *err)
{
	_cleanup_free_ char *shown = http_url_for_messages(hop->url);
	_cleanup_free_ char *old_scheme = url_part(from, CURLUPART_SCHEME);
	_cleanup_free_ char *scheme = url_part(to, CURLUPART_SCHEME);
	if (scheme == NULL || (!str_eq(scheme, "https") && !str_eq(scheme, "http")))
		return error_set(err, EPROTO, "%s redirects to something other than HTTP", shown);
	if (old_scheme != NULL && str_eq(old_scheme, "https") && str_eq(scheme, "http"))
		return error_set(err, EPROTO, "%s redirects from https to http, which is refused", shown);
	if (!http_is_same_origin(from, to))
		hop->drops_authorization = true;
	return 0;
}

int http_hop_follow(struct http_hop *hop, CURL *easy, struct error *err)
{
	_cleanup_free_ char *shown = http_url_for_messages(hop->url);
	const char *next = NULL; /* the Location, made absolute by libcurl */
	if (curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &next) != CURLE_OK || next == NULL)
		return error_set(err, EPROTO, "%s redirects to nowhere", shown);
	if (++hop->count > HTTP_HOPS_MAX)
		return error_set(err, ELOOP, "%s redirects more than %d times", shown, HTTP_HOPS_MAX);
	CURLU *from = curl_url(), *to = curl_url();
	int r = -1;
	if (curl_url_set(from, CURLUPART_URL, hop->url, 0) != CURLUE_OK ||
		curl_url_set(to, CURLUPART_URL, next, 0) != CURLUE_OK)
		error_set(err, EPROTO, "%s redirects to an invalid URL", shown);
	else
		r = check_hop(hop, from, to, err);
	if (r == 0) {
		char *url = xstrdup(next);
		free(hop->url);
		hop->url = url;
	}
	curl_url_cleanup(from);
	curl_url_cleanup(to);
	return r;
}

static const char *env_or_null(const char *name)
{
	const char *value = getenv(name);
	return value != NULL && *value != '\0' ? value : NULL;
}

void http_free_headers(struct curl_slist *list)
{
	for (struct curl_slist *l = list; l != NULL; l = l->next)
		explicit_bzero(l->data, strlen(l->data));
	curl_slist_free_all(list);
}

void http_configure(CURL *easy, const struct http_options *o)
{
	const char *ca_file = env_or_null("SSL_CERT_FILE");
	const char *ca_dir = env_or_null("SSL_CERT_DIR");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, o->allow_http ? "http,https" : "https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "enroot/" ENROOT_VERSION);
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	/* A peer that says nothing for a minute is taken for dead, and the transfer resumed. */
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)STALL_S);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)o->connect_timeout_s);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long)o->transfer_timeout_s);
	if (ca_file != NULL)
		curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
	if (ca_dir != NULL)
		curl_easy_setopt(easy, CURLOPT_CAPATH, ca_dir);
}

bool http_is_transient(CURLcode result, long status, bool is_known)
{
	static const long statuses[] = { 408, 425, 429 };
	switch (result) {
	case CURLE_OK:
		for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
			if (status == statuses[i])
				return true;
		/* Proxies of content networks have numbers of their own (520…); 501 and 505 will not change. */
		return status >= 500 && status < 600 && status != 501 && status != 505;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_OPERATION_TIMEDOUT:
		return is_known; /* a wrong name should fail now, not in a minute */
	case CURLE_PARTIAL_FILE:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		return true;
	default:
		return false;
	}
}

unsigned http_tries(const struct http_options *o)
{
	return o->retries < 0 ? HTTP_TRIES_DEFAULT : (unsigned)o->retries + 1;
}

int64_t http_backoff_ms(unsigned failures, int64_t retry_after_s)
{
	if (retry_after_s > RETRY_AFTER_MAX_S)
		return -1;
	int64_t wait = BACKOFF_FIRST_MS;
	for (unsigned i = 1; i < failures && wait < BACKOFF_MAX_MS; i++)
		wait *= 2;
	wait = MIN(wait, BACKOFF_MAX_MS);
	uint16_t random = 0;
	(void)!getrandom(&random, sizeof(random), 0);
	/* Half of it is chance, so that a cluster's nodes do not come back all at once. */
	wait = wait / 2 + wait * random / 131072;
	return MAX(wait, retry_after_s * 1000 + (retry_after_s > 0 ? wait / 4 : 0));
}

/* In slices: the signal that ends the program may go to another thread. */
int http_wait(int64_t ms, struct error *err)
{
	for (int64_t slice; ms > 0; ms -= slice) {
		slice = MIN(ms, WAIT_SLICE_MS);
		struct timespec ts = { .tv_nsec = slice * 1000000 };
		(void)nanosleep(&ts, NULL);
		if (interrupt_check(err) < 0)
			return -1;
	}
	return 0;
}

char *http_url_for_messages(const char *url)
{
	return xstrndup(url, strcspn(url, "?#"));
}

static const char *reason_of(long status)
{
	static const struct {
		long status;
		const char *reason;
	} reasons[] = {
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 406, "Not Acceptable" },
		{ 407, "Proxy Authentication Required" },
		{ 408, "Request Timeout" },
		{ 410, "Gone" },
		{ 416, "Range Not Satisfiable" },
		{ 425, "Too Early" },
		{ 429, "Too Many Requests" },
		{ 451, "Unavailable For Legal Reasons" },
		{ 500, "Internal Server Error" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Unexpected Status";
}

int http_error_status(struct error *err, const char *url, long status)
{
	_cleanup_free_ char *shown = http_url_for_messages(url);
	error_set(err, EREMOTEIO, "URL %s returned error code: %ld %s", shown, status, reason_of(status));
	if (status == 429)
		return error_hint(err, "the registry limits requests: log in, or try again later");
	if (status >= 500)
		return error_hint(err, "the registry has a problem: try again later");
	return -1;
}

static const char *remedy_of(CURLcode result, const char *url)
{
	switch (result) {
	case CURLE_COULDNT_RESOLVE_HOST:
		return "check the name of the registry, and the settings of DNS and proxies";
	case CURLE_COULDNT_RESOLVE_PROXY:
		return "check http_proxy, https_proxy and all_proxy";
	case CURLE_COULDNT_CONNECT:
		return "check that the registry is running and its port is right";
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		return "name the registry's certificate authority in SSL_CERT_FILE or SSL_CERT_DIR";
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return str_starts_with(url, "https:") || result == CURLE_UNSUPPORTED_PROTOCOL
			       ? "if the registry speaks plain http, allow it by ENROOT_ALLOW_HTTP=y"
			       : NULL;
	default:
		return NULL;
	}
}

/* What scripts look for: libcurl says only that it could not. */
static const char *system_error(CURLcode result, CURL *easy)
{
	long code = 0;
	if (easy == NULL || result != CURLE_COULDNT_CONNECT)
		return NULL;
	curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &code);
	return code != 0 ? strerror((int)code) : NULL;
}

int http_error_curl(struct error *err, const char *url, CURLcode result, const char *detail, CURL *easy)
{
	_cleanup_free_ char *shown = http_url_for_messages(url);
	const char *why = system_error(result, easy);
	if (why == NULL)
		why = detail != NULL && *detail != '\0' ? detail : curl_easy_strerror(result);
	int code = result == CURLE_COULDNT_CONNECT      ? ECONNREFUSED
		   : result == CURLE_SSL_CONNECT_ERROR  ? EPROTO
		   : result == CURLE_OPERATION_TIMEDOUT ? ETIMEDOUT
							: EREMOTEIO;
	error_set(err, code, "cannot get %s: %.*s", shown, (int)strcspn(why, "\n"), why);
	const char *remedy = remedy_of(result, url);
	return remedy != NULL ? error_hint(err, "%s", remedy) : -1;
}
