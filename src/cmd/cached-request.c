#include "cmd/cached-request.h"

#include <stdlib.h>
#include <sys/utsname.h>

#include "base/memory.h"
#include "base/uri.h"

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

char *cached_request(const struct settings *s, const char *uri)
{
	struct utsname host = { 0 };
	const char *options = settings_get(s, SETTING_SQUASH_OPTIONS), *epoch = getenv("SOURCE_DATE_EPOCH");
	_cleanup_free_ char *shown = uri_redact(uri); /* it is written to a file that others may read */
	(void)uname(&host);
	return xasprintf("%s\n%s\n%s\n%s\n", shown, host.machine, options != NULL ? options : "",
		epoch != NULL ? epoch : "");
}
