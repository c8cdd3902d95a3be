#include "source/registry/registry.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "source/manifest.h"
#include "source/registry/certs.h"
#include "source/registry/credentials.h"

#define PING_ANSWER_MAX ((size_t)64 << 10)

static void init_curl(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* Who we are to one registry is nothing that another one should know. */
static void go_elsewhere(struct reference *ref, const struct endpoint *e)
{
	if (!str_eq(ref->registry, e->registry)) {
		free(steal_pointer(&ref->user));
		if (ref->password != NULL)
			explicit_bzero(ref->password, strlen(ref->password));
		free(steal_pointer(&ref->password));
	}
	free(ref->registry);
	free(ref->repository);
	ref->registry = xstrdup(e->registry);
	ref->repository = xstrdup(e->repository);
}

int registry_init(struct registry *r, const char *uri, const struct endpoint *endpoint,
	const struct source_options *o, struct error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	*r = (struct registry){
		.options = {
			.connect_timeout_s = o->connect_timeout_s,
			.transfer_timeout_s = o->transfer_timeout_s,
			.retries = o->transfer_retries,
			.allow_http = o->allow_http,
		},
	};
	bool is_insecure = endpoint != NULL && endpoint->is_insecure;
	if (reference_parse(&r->ref, uri, err) < 0)
		return -1;
	if (endpoint != NULL)
		go_elsewhere(&r->ref, endpoint);
	if (certs_load(r->ref.registry, is_insecure, &r->certs, err) < 0)
		return -1;
	r->options.allow_http |= is_insecure;
	r->options.certs = r->certs;
	pthread_once(&once, init_curl);
	r->config_path = o->config_path != NULL ? xstrdup(o->config_path) : NULL;
	r->http = http_new(&r->options);
	r->auth = auth_new(&r->ref, r->config_path, &r->options);
	return 0;
}

void registry_cleanup(struct registry *r)
{
	auth_free(r->auth);
	http_free(r->http);
	certs_free(r->certs);
	free(r->config_path);
	free(r->base);
	reference_cleanup(&r->ref);
	*r = (struct registry){ 0 };
}

/* GET /v2/ by one scheme. */
static int ping(struct registry *r, const char *scheme, struct http_response *response, struct error *err)
{
	free(r->base);
	r->base = xasprintf("%s://%s", scheme, r->ref.registry);
	_cleanup_free_ char *url = xasprintf("%s/v2/", r->base);
	const struct http_request request = { .url = url, .max_body = PING_ANSWER_MAX };
	if (http_perform(r->http, &request, response, err) < 0)
		return -1;
	if (response->headers.status >= 500 || response->headers.status == 429)
		return http_error_status(err, url, response->headers.status);
	return 0;
}

/* A registry that does not speak TLS refuses, resets, or answers it with something else. */
static bool may_be_plain(const struct error *err)
{
	return err->code == ECONNREFUSED || err->code == EPROTO || err->code == ETIMEDOUT;
}

static int ping_any(struct registry *r, struct http_response *response, struct error *err)
{
	if (ping(r, "https", response, err) == 0)
		return 0;
	if (!r->options.allow_http || !may_be_plain(err))
		return -1;
	_cleanup_error_ struct error second = ERROR_INIT;
	http_response_cleanup(response);
	if (ping(r, "http", response, &second) < 0)
		return error_move(err, &second);
	error_clear(err);
	log_warn("%s does not speak https: going on without encryption", r->ref.registry);
	return 0;
}

static int connect_once(struct registry *r, struct error *err)
{
	_cleanup_http_response_ struct http_response response = { 0 };
	log_info("Querying registry for permission grant");
	if (ping_any(r, &response, err) < 0)
		return -1;
	if (response.headers.status != 401) {
		log_info("Permission granted");
		return 0;
	}
	if (auth_answer(r->auth, &response.headers.www_authenticate, response.is_local, err) < 0)
		return -1;
	log_info("Authentication succeeded");
	return 0;
}

int registry_connect(struct registry *r, struct error *err)
{
	if (r->base != NULL)
		return 0;
	if (connect_once(r, err) == 0)
		return 0;
	free(steal_pointer(&r->base));
	return -1;
}

int registry_check_login(struct registry *r, struct error *err)
{
	if (registry_connect(r, err) < 0)
		return -1;
	char *value = NULL;
	if (auth_get(r->auth, NULL, &value, err) < 0)
		return -1;
	if (value == NULL)
		return 0; /* anybody is welcome there */
	_cleanup_http_response_ struct http_response response = { 0 };
	_cleanup_free_ char *url = xasprintf("%s/v2/", r->base);
	const struct http_request request = {
		.url = url, .authorization = value, .max_body = PING_ANSWER_MAX
	};
	int status = http_perform(r->http, &request, &response, err);
	credentials_free_secret(value);
	if (status == 0 && response.headers.status != 200) {
		http_error_status(err, url, response.headers.status);
		return auth_hint(r->auth, err);
	}
	return status;
}

char *registry_url(const struct registry *r, const char *kind, const char *name)
{
	return xasprintf("%s/v2/%s/%s/%s", r->base, r->ref.repository, kind, name);
}

int registry_error(struct registry *r, const char *url, long status, struct error *err)
{
	http_error_status(err, url, status);
	if (status == 401 || status == 403)
		return auth_hint(r->auth, err);
	if (status == 404)
		return error_hint(err, "%s has no such image or tag: check the spelling of %s:%s",
			r->ref.registry, r->ref.repository,
			r->ref.digest != NULL ? r->ref.digest : r->ref.tag);
	return -1;
}

/* One request with what we hold; after a 401, another one with a fresh token or the answer to a new challenge. */
static int get_authorized(
	struct registry *r, struct http_request *request, struct http_response *response, struct error *err)
{
	char *value = NULL;
	if (auth_get(r->auth, NULL, &value, err) < 0)
		return -1;
	request->authorization = value;
	int status = http_perform(r->http, request, response, err);
	if (status == 0 && response->headers.status == 401 && !response->is_elsewhere) {
		char *fresh = NULL;
		const struct strv *challenges = &response->headers.www_authenticate;
		if (challenges->count > 0 && (value == NULL || auth_wants_other_scope(r->auth, challenges)))
			status = auth_answer(r->auth, challenges, response->is_local, err);
		if (status == 0)
			status = auth_get(r->auth, value, &fresh, err);
		if (status == 0 && fresh != NULL && (value == NULL || !str_eq(fresh, value))) {
			request->authorization = fresh;
			http_response_cleanup(response);
			status = http_perform(r->http, request, response, err);
		}
		credentials_free_secret(fresh);
	}
	credentials_free_secret(value);
	request->authorization = NULL;
	return status;
}

int registry_get(struct registry *r, const char *kind, const char *name, size_t max,
	struct http_response *response, struct error *err)
{
	if (registry_connect(r, err) < 0)
		return -1;
	_cleanup_free_ char *url = registry_url(r, kind, name);
	struct http_request request = {
		.url = url,
		.accept = str_eq(kind, "manifests") ? MANIFEST_ACCEPT : NULL,
		.max_body = max,
	};
	if (get_authorized(r, &request, response, err) < 0)
		return -1;
	if (response->headers.status != 200)
		return registry_error(r, url, response->headers.status, err);
	return 0;
}
