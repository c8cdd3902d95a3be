#include "base/uri.h"

#include <string.h>

#include "base/memory.h"
#include "base/str.h"

char *uri_redact(const char *uri)
{
	const char *start = strstr(uri, "://");
	start = start != NULL ? start + 3 : uri;
	const char *at = strrchr(start, '@');
	const char *colon = strchr(start, ':');
	/* "image:tag@sha256:…" has no password, but nothing is lost by hiding the tag of an invalid one. */
	if (at == NULL || colon == NULL || colon > at)
		return xstrdup(uri);
	if (str_starts_with(at, "@sha256:") || str_starts_with(at, "@sha512:")) {
		const char *before = memrchr(start, '@', (size_t)(at - start));
		if (before == NULL || colon > before)
			return xstrdup(uri);
		at = before;
	}
	return xasprintf("%.*s***%s", (int)(colon + 1 - uri), uri, at);
}
