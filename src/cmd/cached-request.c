#include "cmd/cached-request.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"
#include "base/uri.h"
#include "image/cached.h"

struct image_cache cached_images(const struct settings *s)
{
	struct image_cache c = {
		.places = { .own = settings_get(s, SETTING_CACHE_PATH),
			.system = settings_get(s, SETTING_CACHE_SYSTEM_PATH) },
	};
	/* Whom to trust is the administrator's to say, not an environment's. */
	if (settings_source(s, SETTING_CACHE_TRUST, NULL) == SETTING_FROM_FILE)
		c.trust = settings_get(s, SETTING_CACHE_TRUST);
	return c;
}

/* A path on this host means another file in another directory. The caller owns what is returned. */
static char *with_whole_path(const char *uri)
{
	const char *colon = strchr(uri, ':');
	if (strstr(uri, "://") != NULL || colon == NULL || colon[1] == '/')
		return xstrdup(uri);
	_cleanup_free_ char *cwd = getcwd(NULL, 0);
	return cwd == NULL ? xstrdup(uri) : xasprintf("%.*s:%s/%s", (int)(colon - uri), uri, cwd, colon + 1);
}

char *cached_request(const struct settings *s, const char *uri)
{
	struct utsname host = { 0 };
	const char *options = settings_get(s, SETTING_SQUASH_OPTIONS), *epoch = getenv("SOURCE_DATE_EPOCH");
	_cleanup_free_ char *redacted = uri_redact(uri); /* it is written to a file that others may read */
	_cleanup_free_ char *shown = with_whole_path(redacted);
	(void)uname(&host);
	return xasprintf("%s\n%s\n%s\n%s\n", shown, host.machine, options != NULL ? options : "",
		epoch != NULL ? epoch : "");
}

bool cached_uri_is_fixed(const char *uri)
{
	return str_starts_with(uri, "docker://") &&
	       (strstr(uri, "@sha256:") != NULL || strstr(uri, "@sha512:") != NULL);
}

int cached_find(const struct settings *s, const char *uri, char **path)
{
	const struct image_cache cache = cached_images(s);
	_cleanup_free_ char *request = cached_request(s, uri);
	int fd = -1;
	for (size_t place = 0; fd < 0; place++) {
		_cleanup_image_tag_ struct image_tag tag = { 0 };
		if (!image_tag_load(&cache, request, &place, &tag))
			break;
		fd = image_cached_open(&cache, &tag, path);
	}
	return fd;
}
