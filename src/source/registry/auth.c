#include "source/registry/auth.h"

#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "source/json.h"
#include "source/registry/address.h"
#include "source/registry/challenge.h"
#include "source/registry/credentials.h"

#define TOKEN_ANSWER_MAX   ((size_t)1 << 20)
#define TOKEN_LIFE_DEFAULT 60 /* distribution spec, token authentication: "expires_in" */
#define TOKEN_LIFE_MAX     86400

struct auth {
	pthread_mutex_t lock;
	const struct reference *ref;
	const char *config_path;
	const char *actions; /* of a token's scope (distribution spec, "Token scope") */
	struct http *http;
	struct challenge challenge;
	struct credentials credentials;
	bool registry_is_local;
	char *value; /* of the header; NULL: none */
	int64_t renew_at_s;
};

static int64_t now_s(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec;
}

struct auth *auth_new(
	const struct reference *ref, const char *config_path, const struct http_options *options)
{
	struct auth *a = xcalloc(1, sizeof(*a));
	pthread_mutex_init(&a->lock, NULL);
	a->ref = ref;
	a->config_path = config_path;
	a->actions = "pull";
	a->http = http_new(options);
	return a;
}

void auth_free(struct auth *a)
{
	if (a == NULL)
		return;
	http_free(a->http);
	challenge_cleanup(&a->challenge);
	credentials_cleanup(&a->credentials);
	credentials_free_secret(a->value);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

void auth_want_push(struct auth *a)
{
	a->actions = "pull,push";
}

/* "Basic …" of RFC 7617; the caller owns it. NULL if there is no secret. */
static char *make_basic(const struct credentials *c)
{
	if (c->user == NULL || c->secret == NULL)
		return NULL;
	char *plain = xasprintf("%s:%s", c->user, c->secret);
	size_t len = strlen(plain);
	char *encoded = xcalloc(4 * (len / 3 + 1) + 1, 1);
	EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)plain, (int)len);
	char *value = xasprintf("Basic %s", encoded);
	credentials_free_secret(plain);
	credentials_free_secret(encoded);
	return value;
}

/* The token service may be given credentials, so it has to be a proper one. */
static int check_realm(const struct auth *a, CURLU *url, char **host, struct error *err)
{
	const char *realm = a->challenge.realm;
	_cleanup_free_ char *shown = http_url_for_messages(realm);
	char *scheme = NULL, *user = NULL, *name = NULL;
	int r = 0;
	bool is_valid = curl_url_set(url, CURLUPART_URL, realm, 0) == CURLUE_OK &&
			curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
			curl_url_get(url, CURLUPART_HOST, &name, 0) == CURLUE_OK;
	bool has_user = curl_url_get(url, CURLUPART_USER, &user, 0) == CURLUE_OK;
	bool is_http = is_valid && str_eq(scheme, "http") && http_get_options(a->http)->allow_http;
	if (!is_valid)
		r = error_set(err, EPROTO, "the registry names an invalid token service: %s", shown);
	else if (has_user)
		r = error_set(
			err, EPROTO, "the registry names a token service with a user's name in its URL");
	else if (!str_eq(scheme, "https") && !is_http)
		r = error_set(err, EPROTO, "the registry names a token service that is not https: %s", shown);
	else if (!a->registry_is_local && address_host_is_local(name))
		r = error_set(
			err, EPROTO, "the registry names a token service at a local address: %s", shown);
	else
		*host = xstrdup(name);
	curl_free(scheme);
	curl_free(user);
	curl_free(name);
	return r;
}

static void append_field(struct buffer *b, const char *name, const char *value)
{
	_cleanup_free_ char *escaped = http_escape(value);
	buffer_printf(b, "%s%s=%s", b->len > 0 ? "&" : "", name, escaped);
	explicit_bzero(escaped, strlen(escaped));
}

/* Does PATH end with the whole components of END? */
static bool ends_with_path(const char *path, const char *end)
{
	return str_ends_with(path, end) &&
	       (strlen(path) == strlen(end) || path[strlen(path) - strlen(end) - 1] == '/');
}

/*
 * What the registry ASKED for (may be NULL), if it is our repository by a longer or shorter name (a proxy of registries
 * puts its own in front, or takes it away). Any other is not what we want a token for: ghcr.io names "user/image" when no
 * image was asked for yet, and a hostile registry would name somebody else's. The caller owns it.
 */
static char *make_scope(const struct auth *a, const char *asked)
{
	static const char type[] = "repository:";
	const char *ours = a->ref->repository, *colon = asked != NULL ? strrchr(asked, ':') : NULL;
	if (colon != NULL && str_starts_with(asked, type) && colon >= asked + strlen(type) &&
		str_eq(colon + 1, a->actions)) {
		const char *start = asked + strlen(type);
		_cleanup_free_ char *name = xstrndup(start, (size_t)(colon - start));
		if (*name != '\0' && (ends_with_path(name, ours) || ends_with_path(ours, name)))
			return xstrdup(asked);
	}
	return xasprintf("%s%s:%s", type, ours, a->actions);
}

bool auth_wants_other_scope(struct auth *a, const struct strv *www_authenticate)
{
	_cleanup_challenge_ struct challenge c;
	challenge_parse(&c, www_authenticate->items, www_authenticate->count);
	if (c.kind != CHALLENGE_BEARER || c.scope == NULL)
		return false;
	pthread_mutex_lock(&a->lock);
	_cleanup_free_ char *now = make_scope(a, a->challenge.scope);
	pthread_mutex_unlock(&a->lock);
	_cleanup_free_ char *wanted = make_scope(a, c.scope);
	return a->ref->repository[0] != '\0' && !str_eq(now, wanted);
}

/* GET REALM?service=…&scope=…, or with an identity token the POST of OAuth 2 (RFC 6749, section 6). */
static int ask_token_service(struct auth *a, struct http_response *response, struct error *err)
{
	const struct challenge *c = &a->challenge;
	_cleanup_buffer_ struct buffer fields = BUFFER_INIT;
	_cleanup_free_ char *scope = make_scope(a, c->scope);
	_cleanup_free_ char *url = NULL;
	char *basic = NULL;
	struct http_request request = {
		.url = c->realm,
		.max_body = TOKEN_ANSWER_MAX,
		.refuse_local = !a->registry_is_local,
	};
	if (c->service != NULL)
		append_field(&fields, "service", c->service);
	if (a->ref->repository[0] != '\0')
		append_field(&fields, "scope", scope);
	if (a->credentials.identity_token != NULL) {
		append_field(&fields, "grant_type", "refresh_token");
		append_field(&fields, "client_id", "enroot");
		append_field(&fields, "refresh_token", a->credentials.identity_token);
		request.form = fields.data;
	} else {
		url = xasprintf("%s%s%s", c->realm, strchr(c->realm, '?') != NULL ? "&" : "?", fields.data);
		basic = make_basic(&a->credentials);
		request.url = url;
		request.authorization = basic;
	}
	int r = http_perform(a->http, &request, response, err);
	credentials_free_secret(basic);
	if (request.form != NULL)
		explicit_bzero(fields.data, fields.len);
	if (r == 0 && response->headers.status != 200)
		r = http_error_status(err, c->realm, response->headers.status);
	return r;
}

static int take_token(struct auth *a, const struct buffer *answer, struct error *err)
{
	_cleanup_json_ json_t *root =
		json_parse_object(answer->data, answer->len, "the answer of the token service", err);
	if (root == NULL)
		return -1;
	const char *token = json_get_string(root, "token");
	if (token == NULL || *token == '\0')
		token = json_get_string(root, "access_token");
	if (token == NULL || *token == '\0' || strpbrk(token, "\r\n") != NULL)
		return error_set(err, EPROTO, "the answer of the token service holds no token");
	uint64_t life = TOKEN_LIFE_DEFAULT;
	if (json_get_u64(root, "expires_in", &life))
		life = MAX(MIN(life, TOKEN_LIFE_MAX), 10);
	credentials_free_secret(a->value);
	a->value = xasprintf("Bearer %s", token);
	a->renew_at_s = now_s() + (int64_t)life * 8 / 10;
	return 0;
}

static int hint_unlocked(const struct auth *a, struct error *err)
{
	const struct credentials *c = &a->credentials;
	if (c->secret != NULL || c->identity_token != NULL || c->registry_token != NULL)
		return error_hint(err, "check the credentials%s%s%s%s for %s", c->user != NULL ? " of " : "",
			c->user != NULL ? c->user : "", c->origin != NULL ? " from " : "",
			c->origin != NULL ? c->origin : "", a->ref->registry);
	_cleanup_buffer_ struct buffer places = BUFFER_INIT;
	for (size_t i = 0; i < c->tried.count; i++)
		buffer_printf(&places, "%s%s", i > 0 ? ", " : "", c->tried.items[i]);
	return error_hint(err,
		"the image does not exist, or %s wants credentials, of which there are none in %s",
		a->ref->registry, places.len > 0 ? places.data : "the reference");
}

static int renew_token(struct auth *a, struct error *err)
{
	_cleanup_http_response_ struct http_response response = { 0 };
	if (ask_token_service(a, &response, err) < 0) {
		if (response.headers.status >= 400 && response.headers.status < 500)
			hint_unlocked(a, err);
		return -1;
	}
	return take_token(a, &response.body, err);
}

static void log_credentials(const struct credentials *c)
{
	const char *user = c->user != NULL ? c->user : c->identity_token != NULL ? "<token>" : "<anonymous>";
	log_info("Authenticating with user: %s", user);
	if (c->origin != NULL)
		log_info("Using credentials from file: %s", c->origin);
}

static int set_up(struct auth *a, const struct strv *values, struct error *err)
{
	challenge_cleanup(&a->challenge);
	challenge_parse(&a->challenge, values->items, values->count);
	if (a->challenge.kind == CHALLENGE_NONE)
		return error_set(err, EPROTO, "%s wants an authentication that is neither Basic nor Bearer",
			a->ref->registry);
	_cleanup_free_ char *realm_host = NULL;
	if (a->challenge.kind == CHALLENGE_BEARER) {
		CURLU *url = curl_url();
		int r = check_realm(a, url, &realm_host, err);
		curl_url_cleanup(url);
		if (r < 0)
			return -1;
	}
	credentials_cleanup(&a->credentials);
	if (credentials_find(&a->credentials, a->ref, realm_host, a->config_path, err) < 0)
		return -1;
	log_credentials(&a->credentials);
	credentials_free_secret(a->value);
	a->value = NULL;
	a->renew_at_s = INT64_MAX;
	if (a->credentials.registry_token != NULL) {
		a->value = xasprintf("Bearer %s", a->credentials.registry_token);
		return 0;
	}
	if (a->challenge.kind == CHALLENGE_BASIC) {
		a->value = make_basic(&a->credentials);
		return 0;
	}
	return renew_token(a, err);
}

int auth_answer(struct auth *a, const struct strv *www_authenticate, bool is_local, struct error *err)
{
	pthread_mutex_lock(&a->lock);
	a->registry_is_local = is_local;
	int r = set_up(a, www_authenticate, err);
	pthread_mutex_unlock(&a->lock);
	return r;
}

static bool is_renewable(const struct auth *a)
{
	return a->challenge.kind == CHALLENGE_BEARER && a->credentials.registry_token == NULL;
}

int auth_get(struct auth *a, const char *rejected, char **value, struct error *err)
{
	int r = 0;
	*value = NULL;
	pthread_mutex_lock(&a->lock);
	bool is_rejected = rejected != NULL && a->value != NULL && str_eq(rejected, a->value);
	if (is_renewable(a) && (is_rejected || now_s() >= a->renew_at_s))
		r = renew_token(a, err);
	if (r == 0 && a->value != NULL)
		*value = xstrdup(a->value);
	pthread_mutex_unlock(&a->lock);
	return r;
}

int auth_hint(struct auth *a, struct error *err)
{
	pthread_mutex_lock(&a->lock);
	hint_unlocked(a, err);
	pthread_mutex_unlock(&a->lock);
	return -1;
}
