#include "source/registry/authfile.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/memory.h"
#include "base/process.h"
#include "base/str.h"
#include "source/json.h"

#define HELPER_TIMEOUT_MS 30000
#define HELPER_OUTPUT_MAX 65536
#define AUTH_MAX          65536
/* The key by which Docker itself files the Hub. */
#define DOCKER_HUB_KEY    "https://index.docker.io/v1/"

/* HOST[/PATH] of a key: without the scheme that Docker writes and its "/v1/". The caller owns it. */
static char *normalise_key(const char *key)
{
	if (str_starts_with(key, "https://"))
		key += strlen("https://");
	else if (str_starts_with(key, "http://"))
		key += strlen("http://");
	char *copy = xstrdup(key);
	size_t len = strlen(copy);
	while (len > 0 && copy[len - 1] == '/')
		copy[--len] = '\0';
	if (str_ends_with(copy, "/v1") || str_ends_with(copy, "/v2"))
		copy[len - 3] = '\0';
	size_t host_len = strcspn(copy, "/");
	_cleanup_free_ char *host = xstrndup(copy, host_len);
	if (!reference_is_docker_hub(host))
		return copy;
	char *hub = xasprintf("%s%s", REFERENCE_DOCKER_HUB, copy + host_len);
	free(copy);
	return hub;
}

/* How many characters of PATH the key covers, whole components only; 0 if it does not. */
static size_t match_key(const char *key, const char *path)
{
	_cleanup_free_ char *normal = normalise_key(key);
	size_t len = strlen(normal);
	if (strncasecmp(normal, path, len) != 0 || (path[len] != '/' && path[len] != '\0'))
		return 0;
	return len;
}

static const char *find_key(const json_t *object, const char *path)
{
	const char *best = NULL, *key;
	size_t best_len = 0;
	json_t *value;
	json_object_foreach((json_t *)object, key, value)
	{
		size_t len = match_key(key, path);
		if (len > best_len) {
			best_len = len;
			best = key;
		}
	}
	return best;
}

static char *dup_secret(const json_t *object, const char *key)
{
	const char *value = json_get_string(object, key);
	return value != NULL && *value != '\0' ? xstrdup(value) : NULL;
}

/* "auth": base64 of USER:PASSWORD. */
static int decode_auth(struct credentials *c, const char *text, struct error *err)
{
	size_t len = strlen(text);
	if (len % 4 != 0 || len > AUTH_MAX)
		return error_set(err, EPROTO, "an \"auth\" is no base64");
	char *plain = xcalloc(len + 1, 1);
	int n = EVP_DecodeBlock((unsigned char *)plain, (const unsigned char *)text, (int)len);
	char *colon = n > 0 ? strchr(plain, ':') : NULL;
	if (colon != NULL) {
		*colon = '\0';
		c->user = xstrdup(plain);
		c->secret = xstrdup(colon + 1);
		*colon = ':';
		/* Docker pads short passwords with NULs, which end the string by themselves. */
	}
	explicit_bzero(plain, len);
	free(plain);
	return colon != NULL ? 0 : error_set(err, EPROTO, "an \"auth\" is no base64 of USER:PASSWORD");
}

static int take_entry(struct credentials *c, const json_t *entry, struct error *err)
{
	c->identity_token = dup_secret(entry, "identitytoken");
	c->registry_token = dup_secret(entry, "registrytoken");
	const char *auth = json_get_string(entry, "auth");
	if (auth != NULL && *auth != '\0' && decode_auth(c, auth, err) < 0)
		return -1;
	if (c->user == NULL && json_get_string(entry, "username") != NULL) {
		c->user = dup_secret(entry, "username");
		c->secret = dup_secret(entry, "password");
	}
	return c->secret != NULL || c->identity_token != NULL || c->registry_token != NULL;
}

static int take_helper_answer(
	struct credentials *c, const char *name, char *output, size_t len, struct error *err)
{
	_cleanup_json_ json_t *answer = json_parse_object(output, len, name, err);
	explicit_bzero(output, len);
	if (answer == NULL)
		return error_prefix(err, "credential helper");
	const char *user = json_get_string(answer, "Username");
	const char *secret = json_get_string(answer, "Secret");
	if (user == NULL || secret == NULL || *secret == '\0')
		return 0;
	if (str_eq(user, "<token>")) {
		c->identity_token = xstrdup(secret);
		return 1;
	}
	c->user = xstrdup(user);
	c->secret = xstrdup(secret);
	return 1;
}

/* docker-credential-NAME get: the server on its standard input, JSON on its output, not found is a failure. */
static int ask_helper(struct credentials *c, const char *name, const char *server, struct error *err)
{
	if (*name == '\0' || strchr(name, '/') != NULL)
		return error_set(err, EINVAL, "invalid name of a credential helper: %s", name);
	_cleanup_free_ char *program = xasprintf("docker-credential-%s", name);
	const char *const argv[] = { program, "get", NULL };
	const struct process_request req = {
		.argv = argv,
		.input = server,
		.timeout_ms = HELPER_TIMEOUT_MS,
		.max_output = HELPER_OUTPUT_MAX,
	};
	_cleanup_free_ char *output = NULL;
	size_t len = 0;
	int r = process_capture(&req, &output, &len, err);
	if (r < 0)
		return -1;
	if (r == 0)
		return take_helper_answer(c, program, output, len, err);
	explicit_bzero(output, len);
	return 0;
}

static int find_in(
	const json_t *root, const char *registry, const char *path, struct credentials *c, struct error *err)
{
	bool is_hub = reference_is_docker_hub(registry);
	const json_t *helpers = json_object_get(root, "credHelpers");
	const char *key = find_key(helpers, path);
	const char *helper = key != NULL ? json_get_string(helpers, key) : NULL;
	if (helper != NULL)
		return ask_helper(c, helper, is_hub && strstr(key, "/") != NULL ? DOCKER_HUB_KEY : key, err);

	const json_t *auths = json_object_get(root, "auths");
	key = find_key(auths, path);
	int r = key != NULL ? take_entry(c, json_object_get(auths, key), err) : 0;
	if (r != 0)
		return r;

	const char *store = json_get_string(root, "credsStore");
	if (store == NULL)
		return 0;
	return ask_helper(c, store, is_hub ? DOCKER_HUB_KEY : registry, err);
}

int authfile_find(const char *text, size_t len, const char *registry, const char *repository,
	struct credentials *c, struct error *err)
{
	_cleanup_json_ json_t *root = json_parse_object(text, len, "the file", err);
	if (root == NULL)
		return -1;
	_cleanup_free_ char *path = xasprintf("%s/%s", registry, repository);
	return find_in(root, registry, path, c, err);
}
