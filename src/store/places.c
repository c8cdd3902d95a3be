#include "store/places.h"

#include <string.h>

#include "base/memory.h"

bool cache_place_is_own(const struct cache_places *p, size_t i)
{
	return p->own != NULL && i == 0;
}

char *cache_place(const struct cache_places *p, size_t i)
{
	if (cache_place_is_own(p, i))
		return xstrdup(p->own);
	i -= p->own != NULL ? 1 : 0;
	for (const char *at = p->system; at != NULL && *at != '\0';) {
		size_t len = strcspn(at, ":");
		if (*at == '/' && i-- == 0)
			return xstrndup(at, len);
		at += len + (at[len] == ':' ? 1 : 0);
	}
	return NULL;
}
