#include "cmd/start-uri.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"
#include "base/strv.h"
#include "cmd/cached-request.h"
#include "cmd/image-program.h"
#include "image/record.h"
#include "store/container.h"

/* "tar:x" may be one, "docker://x" cannot. */
static bool is_container(const struct settings *s, const char *name)
{
	const char *data = settings_get(s, SETTING_DATA_PATH);
	_cleanup_free_ char *path = data != NULL ? container_path(data, name) : NULL;
	return path != NULL && strchr(name, '/') == NULL && access(path, F_OK) == 0;
}

bool start_uri_is(const struct settings *s, const char *operand)
{
	static const char *const prefixes[] = { "docker://", "dockerd://", "podman://",
		"oci:", "oci-archive:", "docker-archive:", "tar:" };
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (str_starts_with(operand, prefixes[i]))
			return !is_container(s, operand);
	return false;
}

/* What the cache has for URI, or NULL. */
static char *find_cached(const struct settings *s, const char *uri)
{
	struct image_cache cache = cached_images(s);
	_cleanup_image_tag_ struct image_tag tag = { 0 };
	_cleanup_free_ char *request = cached_request(s, uri);
	if (cache.path == NULL || !image_tag_load(&cache, request, &tag))
		return NULL;
	_cleanup_free_ char *path = image_cache_find(&cache, tag.hex);
	/* A name may be anybody's who can write there: the image itself says what it is. */
	if (path == NULL || !image_record_matches(path, tag.digest, tag.options))
		return NULL;
	return steal_pointer(&path);
}

static bool has_digest(const char *uri)
{
	return str_starts_with(uri, "docker://") &&
	       (strstr(uri, "@sha256:") != NULL || strstr(uri, "@sha512:") != NULL);
}

/* Returns only on failure. */
static char *become_resolver(char *argv[], int operand, struct error *err)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[n > 0 ? n : 0] = '\0';
	_cleanup_free_ char *program = image_program();
	_cleanup_free_ char *index = xasprintf("%d", operand);
	_cleanup_strv_ struct strv args = STRV_INIT;
	strv_push(&args, program);
	strv_push(&args, "start-uri");
	strv_push(&args, self);
	strv_push(&args, index);
	for (char **arg = argv; *arg != NULL; arg++)
		strv_push(&args, *arg);
	execv(program, args.items);
	error_errno(err, "cannot run %s", program);
	return NULL;
}

char *start_uri_resolve(
	const struct settings *s, char *argv[], int operand, bool is_offline, struct error *err)
{
	const char *uri = argv[operand];
	char *path = is_offline || has_digest(uri) ? find_cached(s, uri) : NULL;
	if (path != NULL)
		return path;
	if (is_offline) {
		error_set(err, ENOENT, "the cache has no image of %s", uri);
		error_hint(err, "start it once without --offline");
		return NULL;
	}
	return become_resolver(argv, operand, err);
}
