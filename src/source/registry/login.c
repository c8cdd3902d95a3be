#include "source/login.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/publish.h"
#include "base/str.h"
#include "source/json.h"
#include "source/registry/credentials.h"
#include "source/registry/registry.h"

#define FILE_SIZE_MAX ((size_t)1 << 20)

static char *auth_file(void)
{
	const char *file = getenv("REGISTRY_AUTH_FILE");
	if (file != NULL && *file != '\0')
		return xstrdup(file);
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	if (runtime != NULL && *runtime != '\0')
		return path_join(runtime, "containers/auth.json");
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	if (config != NULL && *config != '\0')
		return path_join(config, "containers/auth.json");
	return path_join(home != NULL ? home : "/", ".config/containers/auth.json");
}

/* The file as it is; an empty object if it does not exist. */
static json_t *load(const char *path, struct error *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	char *text = NULL;
	size_t len = 0;
	if (fd < 0 && errno == ENOENT)
		return json_object();
	if (fd < 0 || fd_read_all(fd, FILE_SIZE_MAX, &text, &len) < 0) {
		error_errno(err, "cannot read %s", path);
		return NULL;
	}
	json_t *root = json_parse_object(text, len, path, err);
	explicit_bzero(text, len);
	free(text);
	return root;
}

static int save(const char *path, const json_t *root, struct error *err)
{
	_cleanup_free_ char *folder = path_dirname(path);
	if (path_make_dirs(folder, 0700, err) < 0)
		return -1;
	_cleanup_publish_ struct publish p = PUBLISH_INIT;
	if (publish_begin(&p, path, 0600, true, err) < 0)
		return -1;
	char *text = json_dumps(root, JSON_INDENT(4));
	int r = fd_write_full(p.fd, text, strlen(text));
	credentials_free_secret(text);
	if (r < 0)
		return error_errno(err, "cannot write %s", path);
	return publish_commit(&p, true, err);
}

/* The name by which the file knows a registry. */
static const char *file_key(const char *registry)
{
	return reference_is_docker_hub(registry) ? "docker.io" : registry;
}

static char *encode(const char *user, const char *secret)
{
	char *plain = xasprintf("%s:%s", user, secret);
	size_t len = strlen(plain);
	char *encoded = xcalloc(4 * (len / 3 + 1) + 1, 1);
	EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)plain, (int)len);
	credentials_free_secret(plain);
	return encoded;
}

static int store(
	const char *path, const char *registry, const char *user, const char *secret, struct error *err)
{
	_cleanup_json_ json_t *root = load(path, err);
	if (root == NULL)
		return -1;
	json_t *auths = json_object_get(root, "auths");
	if (!json_is_object(auths)) {
		auths = json_object();
		json_object_set_new(root, "auths", auths);
	}
	char *encoded = encode(user, secret);
	json_object_set_new(auths, file_key(registry), json_pack("{s:s}", "auth", encoded));
	credentials_free_secret(encoded);
	return save(path, root, err);
}

/* A session whose reference is only a registry and who we say we are. */
static int open_session(struct registry *r, const char *registry, const char *user, const char *secret,
	const struct source_options *options, struct error *err)
{
	_cleanup_free_ char *uri = xasprintf("docker://%s#login", registry);
	if (registry_init(r, uri, NULL, options, err) < 0)
		return error_set(err, EINVAL, "Invalid argument: %s", registry);
	r->ref.repository[0] = '\0'; /* the token shall be for nothing in particular */
	r->ref.user = user != NULL ? xstrdup(user) : NULL;
	r->ref.password = secret != NULL ? xstrdup(secret) : NULL;
	return 0;
}

int source_login(const char *registry, const char *user, const char *secret,
	const struct source_options *options, char **path, struct error *err)
{
	struct registry r;
	if (strchr(user, ':') != NULL || strpbrk(user, "\r\n") != NULL)
		return error_set(err, EINVAL, "Invalid argument: %s", user);
	int status = open_session(&r, registry, user, secret, options, err);
	if (status == 0)
		status = registry_check_login(&r, err);
	if (status == 0) {
		*path = auth_file();
		status = store(*path, r.ref.registry, user, secret, err);
	}
	registry_cleanup(&r);
	return status;
}

int source_logout(const char *registry, char **path, struct error *err)
{
	_cleanup_free_ char *uri = xasprintf("docker://%s#login", registry);
	_cleanup_reference_ struct reference ref = { 0 };
	if (reference_parse(&ref, uri, err) < 0)
		return error_set(err, EINVAL, "Invalid argument: %s", registry);
	*path = auth_file();
	_cleanup_json_ json_t *root = load(*path, err);
	if (root == NULL)
		return -1;
	if (json_object_del(json_object_get(root, "auths"), file_key(ref.registry)) < 0)
		return error_set(err, ENOENT, "not logged in to %s: %s has no such entry", registry, *path);
	return save(*path, root, err);
}
