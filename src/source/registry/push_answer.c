/* What a registry answers to a push: headers, the place to go on at, and why not. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/str.h"
#include "source/json.h"
#include "source/registry/push_call.h"

#define ANSWER_MAX  ((size_t)64 << 10)   /* what is looked at */
#define ANSWER_ENDS ((uint64_t)16 << 20) /* whoever says more than this will not come to an end */

void push_answer_cleanup(struct push_answer *a)
{
	http_headers_cleanup(&a->headers);
	buffer_cleanup(&a->body);
	free(a->location);
	free(a->url);
	*a = (struct push_answer){ 0 };
}

size_t push_answer_take_body(char *data, size_t size, size_t count, void *answer)
{
	struct push_answer *a = answer;
	size_t len = size * count;
	buffer_append(&a->body, data, MIN(len, ANSWER_MAX - a->body.len));
	a->body_bytes += len;
	return a->body_bytes <= ANSWER_ENDS ? len : 0;
}

/* "0-99", with or without "bytes=": the last byte that is there. */
static void take_range(struct push_answer *a, const char *value)
{
	const char *dash = strchr(value, '-');
	uint64_t last;
	a->has_range = dash != NULL && str_parse_u64(dash + 1, &last) && last < UINT64_MAX;
	if (a->has_range)
		a->received = last + 1;
}

size_t push_answer_take_header(char *line, size_t size, size_t count, void *answer)
{
	struct push_answer *a = answer;
	size_t len = size * count;
	if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) {
		free(steal_pointer(&a->location));
		a->has_range = false;
	}
	_cleanup_free_ char *text = xstrndup(line, len);
	text[strcspn(text, "\r\n")] = '\0';
	char *colon = strchr(text, ':');
	if (colon != NULL) {
		*colon = '\0';
		const char *value = colon + 1 + strspn(colon + 1, " \t");
		if (strcasecmp(text, "location") == 0) {
			free(a->location);
			a->location = xstrdup(value);
		} else if (strcasecmp(text, "range") == 0) {
			take_range(a, value);
		}
	}
	return http_headers_take(line, size, count, &a->headers);
}

/* Location may be relative (RFC 9110, section 10.2.2), and may lead elsewhere; never from https to http. */
int push_answer_resolve(struct push_client *c, struct push_answer *a, struct error *err)
{
	_cleanup_free_ char *shown = http_url_for_messages(a->url);
	CURLU *to = curl_url(), *base = curl_url();
	char *url = NULL, *scheme = NULL;
	int r = 0;
	if (curl_url_set(to, CURLUPART_URL, a->url, 0) != CURLUE_OK ||
		curl_url_set(to, CURLUPART_URL, a->location, 0) != CURLUE_OK ||
		curl_url_set(base, CURLUPART_URL, c->registry->base, 0) != CURLUE_OK ||
		curl_url_get(to, CURLUPART_URL, &url, 0) != CURLUE_OK ||
		curl_url_get(to, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
		(!str_eq(scheme, "https") && !str_eq(scheme, "http"))) {
		r = error_set(err, EPROTO, "%s names an invalid place to upload to", shown);
	} else if (str_starts_with(c->registry->base, "https:") && !str_eq(scheme, "https")) {
		r = error_set(err, EPROTO, "%s names a place to upload to that is not https", shown);
		error_hint(err, "a proxy in front of it may lack X-Forwarded-Proto: ask its administrator");
	} else {
		a->is_foreign = !http_is_same_origin(to, base);
		free(a->location);
		a->location = xstrdup(url);
	}
	curl_free(url);
	curl_free(scheme);
	curl_url_cleanup(to);
	curl_url_cleanup(base);
	return r;
}

/* {"errors": [{"code": …, "message": …}]}, distribution spec, "Error codes". The caller owns it; NULL: it says nothing. */
static char *explanation(const struct push_answer *a)
{
	_cleanup_error_ struct error ignored = ERROR_INIT;
	_cleanup_json_ json_t *root =
		a->body.len != 0 ? json_parse_object(a->body.data, a->body.len, "the answer", &ignored)
				 : NULL;
	const json_t *first = root != NULL ? json_array_get(json_object_get(root, "errors"), 0) : NULL;
	const char *code = first != NULL ? json_get_string(first, "code") : NULL;
	const char *message = first != NULL ? json_get_string(first, "message") : NULL;
	if (code == NULL && message == NULL)
		return NULL;
	return xasprintf("%s%s%s", code != NULL ? code : "", code != NULL && message != NULL ? ": " : "",
		message != NULL ? message : "");
}

static const char *remedy_of(long status)
{
	static const struct {
		long status;
		const char *remedy;
	} remedies[] = {
		{ 404, "the repository does not exist there, or you may not push to it" },
		{ 405, "the registry takes no images" },
		{ 413, "the registry, or a proxy in front of it, takes no layers of this size" },
		{ 507, "the registry has no room left" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(remedies); i++)
		if (remedies[i].status == status)
			return remedies[i].remedy;
	return NULL;
}

int push_error(struct push_client *c, const struct push_answer *a, struct error *err)
{
	if (a->result == CURLE_WRITE_ERROR) {
		_cleanup_free_ char *shown = http_url_for_messages(a->url);
		return error_set(err, EPROTO, "the answer of %s does not come to an end", shown);
	}
	if (a->result != CURLE_OK)
		return http_error_curl(err, a->url, a->result, a->detail, c->easy);
	long status = a->headers.status;
	_cleanup_free_ char *why = explanation(a);
	error_clear(err);
	http_error_status(err, a->url, status);
	if (why != NULL && status != 401)
		return error_hint(err, "the registry says: %s", why);
	if (a->is_elsewhere && (status == 401 || status == 403))
		return error_hint(err, "the registry redirects to a host that is not told who you are");
	if (status == 401 || status == 403)
		return auth_hint(c->registry->auth, err);
	return remedy_of(status) != NULL ? error_hint(err, "%s", remedy_of(status)) : -1;
}
