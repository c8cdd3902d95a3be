#include "source/registry/reference.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/digest.h"
#include "base/memory.h"
#include "base/str.h"
#include "base/uri.h"

#define SCHEME        "docker://"
#define REFERENCE_MAX 255 /* distribution spec: host and name together */
#define TAG_MAX       128
#define URI_MAX       4096

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

void reference_cleanup(struct reference *r)
{
	free(r->user);
	if (r->password != NULL)
		explicit_bzero(r->password, strlen(r->password));
	free(r->password);
	free(r->registry);
	free(r->repository);
	free(r->tag);
	free(r->digest);
	*r = (struct reference){ 0 };
}

bool reference_is_docker_hub(const char *host)
{
	static const char *const names[] = { REFERENCE_DOCKER_HUB, "docker.io", "index.docker.io" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_eq(host, names[i]))
			return true;
	return false;
}

/* path-component of the distribution spec: alphanumerics joined by ".", "_", "__" or dashes. */
static bool is_component(const char *s, size_t len)
{
	bool after_separator = true;
	for (size_t i = 0; i < len; i++) {
		if (islower((unsigned char)s[i]) || isdigit((unsigned char)s[i])) {
			after_separator = false;
			continue;
		}
		if (after_separator)
			return false;
		if (s[i] == '-') {
			while (i + 1 < len && s[i + 1] == '-')
				i++;
		} else if (s[i] == '_') {
			if (i + 1 < len && s[i + 1] == '_')
				i++;
		} else if (s[i] != '.') {
			return false;
		}
		after_separator = true;
	}
	return !after_separator;
}

static const char *check_repository(const char *name)
{
	if (strpbrk(name, UPPER) != NULL)
		return "the name of an image is lower case";
	for (const char *p = name;; p++) {
		const char *end = strchrnul(p, '/');
		if (!is_component(p, (size_t)(end - p)))
			return "the name of the image is malformed";
		p = end;
		if (*p == '\0')
			return NULL;
	}
}

static bool is_tag(const char *tag)
{
	size_t len = strlen(tag);
	return len >= 1 && len <= TAG_MAX && tag[0] != '.' && tag[0] != '-' &&
	       strspn(tag, LOWER UPPER DIGITS "_.-") == len;
}

static bool is_port(const char *s)
{
	uint64_t port;
	return strspn(s, DIGITS) == strlen(s) && str_parse_u64(s, &port) && port >= 1 && port <= 65535;
}

static bool is_ipv6_host(const char *host)
{
	const char *end = strchr(host, ']');
	if (end == NULL || (end[1] != '\0' && (end[1] != ':' || !is_port(end + 2))))
		return false;
	_cleanup_free_ char *address = xstrndup(host + 1, (size_t)(end - host - 1));
	struct in6_addr unused;
	return inet_pton(AF_INET6, address, &unused) == 1;
}

static bool is_host(const char *host)
{
	if (*host == '[')
		return is_ipv6_host(host);
	const char *colon = strchrnul(host, ':');
	size_t len = (size_t)(colon - host);
	if (len == 0 || host[0] == '.' || host[0] == '-' || host[len - 1] == '-')
		return false;
	if (strspn(host, LOWER UPPER DIGITS "-._") != len || memmem(host, len, "..", 2) != NULL)
		return false;
	return *colon == '\0' || is_port(colon + 1);
}

/* Without "#", a first component that could be no user of Docker Hub names a registry. */
static bool looks_like_host(const char *s, size_t len)
{
	return memchr(s, '.', len) != NULL || memchr(s, ':', len) != NULL ||
	       (len == strlen("localhost") && memcmp(s, "localhost", len) == 0);
}

/* Take "@ALGORITHM:HEX" off the end of REST. */
static const char *split_digest(struct reference *r, char *rest)
{
	char *at = strrchr(rest, '@');
	if (at == NULL)
		return NULL;
	char *hex = strchr(at, ':');
	bool is_named = str_starts_with(at, "@sha256:") || str_starts_with(at, "@sha512:");
	/* Another algorithm must not be taken for an image behind a user's name. */
	bool is_like_one = hex != NULL && strlen(hex + 1) >= 32 &&
			   strspn(hex + 1, DIGITS "abcdefABCDEF") == strlen(hex + 1);
	if (!is_named && !is_like_one)
		return NULL;
	if (!digest_is_valid(at + 1))
		return "a digest is sha256: and 64, or sha512: and 128 lower-case hexadecimal digits";
	r->digest = xstrdup(at + 1);
	*at = '\0';
	return NULL;
}

/* Take "USER@" or "USER:PASSWORD@" off the front. Both may hold "@". */
static char *split_user(struct reference *r, char *rest)
{
	char *at = strrchr(rest, '@');
	if (at == NULL)
		return rest;
	*at = '\0';
	char *colon = strchr(rest, ':');
	if (colon != NULL) {
		*colon = '\0';
		r->password = xstrdup(colon + 1);
		explicit_bzero(colon + 1, strlen(colon + 1));
	}
	r->user = xstrdup(rest);
	return at + 1;
}

static const char *split_registry(struct reference *r, char **rest)
{
	char *end = strchr(*rest, '#');
	if (end == NULL) {
		end = strchr(*rest, '/');
		if (end != NULL && !looks_like_host(*rest, (size_t)(end - *rest)))
			end = NULL;
	}
	if (end == NULL) {
		r->registry = xstrdup(REFERENCE_DOCKER_HUB);
		return NULL;
	}
	*end = '\0';
	if (!is_host(*rest))
		return "the name of the registry is malformed";
	for (char *p = *rest; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	r->registry = xstrdup(reference_is_docker_hub(*rest) ? REFERENCE_DOCKER_HUB : *rest);
	*rest = end + 1;
	return NULL;
}

static const char *split_image(struct reference *r, char *rest)
{
	char *colon = strchr(rest, ':');
	if (colon != NULL) {
		*colon = '\0';
		if (!is_tag(colon + 1))
			return "the tag is malformed";
		r->tag_given = true;
	}
	r->tag = xstrdup(colon != NULL ? colon + 1 : "latest");
	const char *why = check_repository(rest);
	if (why != NULL)
		return why;
	bool is_official = str_eq(r->registry, REFERENCE_DOCKER_HUB) && strchr(rest, '/') == NULL;
	r->repository = xasprintf("%s%s", is_official ? "library/" : "", rest);
	if (strlen(r->registry) + 1 + strlen(r->repository) > REFERENCE_MAX)
		return "registry and image have more than 255 characters";
	return NULL;
}

/* Returns why TEXT (which is taken apart) is no reference, or NULL. */
static const char *parse(struct reference *r, char *text)
{
	const char *why = split_digest(r, text);
	if (why != NULL)
		return why;
	char *rest = split_user(r, text);
	if (r->user != NULL && *r->user == '\0')
		return "the user's name is empty";
	if (r->user != NULL && strpbrk(r->user, "\r\n") != NULL)
		return "the user's name is malformed";
	why = split_registry(r, &rest);
	return why != NULL ? why : split_image(r, rest);
}

int reference_parse(struct reference *r, const char *uri, struct error *err)
{
	*r = (struct reference){ 0 };
	const char *why = "it begins with docker://";
	if (strlen(uri) > URI_MAX) {
		why = "it is too long";
	} else if (str_starts_with(uri, SCHEME)) {
		_cleanup_free_ char *text = xstrdup(uri + strlen(SCHEME));
		why = parse(r, text);
	}
	if (why == NULL)
		return 0;
	reference_cleanup(r);
	_cleanup_free_ char *shown = uri_redact(uri);
	error_set(err, EINVAL, "Invalid image reference: %s", shown);
	return error_hint(err, "%s; expected docker://[USER@][REGISTRY#]IMAGE[:TAG][@DIGEST]", why);
}

char *reference_provenance(const struct reference *r)
{
	return xasprintf(
		SCHEME "%s#%s:%s", r->registry, r->repository, r->digest != NULL ? r->digest : r->tag);
}

char *reference_default_name(const struct reference *r)
{
	const char *image = r->repository;
	if (str_eq(r->registry, REFERENCE_DOCKER_HUB) && str_starts_with(image, "library/"))
		image += strlen("library/");
	const char *suffix = r->digest != NULL ? r->digest : r->tag_given ? r->tag : NULL;
	char *name = xasprintf("%s%s%s", image, suffix != NULL ? "+" : "", suffix != NULL ? suffix : "");
	for (char *p = name; *p != '\0'; p++)
		if (*p == '/')
			*p = '+';
	return name;
}
