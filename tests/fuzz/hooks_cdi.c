/* CDI specifications, JSON and YAML, and the cache of the dynamic linker. */
#include <stdint.h>
#include <stdlib.h>

#include "base/memory.h"
#include "hooks/gpu/cdi.h"
#include "hooks/gpu/ldcache.h"
#include "hooks/gpu/nodelist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_spec(const char *text, size_t size, bool is_yaml)
{
	_cleanup_cdi_registry_ struct cdi_registry r = CDI_REGISTRY_INIT;
	_cleanup_cdi_selection_ struct cdi_selection s = CDI_SELECTION_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	if (cdi_registry_add(&r, "fuzz", text, size, is_yaml, 0, &err) < 0) {
		if (err.message == NULL || r.count != 0)
			abort();
		return;
	}
	_cleanup_free_ char *name = xasprintf("%s=all", r.specs[0].kind);
	(void)cdi_select(&s, &r, name, &err);
	cdi_select_kind(&s, &r, r.specs[0].kind);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	_cleanup_ldcache_ struct ldcache cache = LDCACHE_INIT;
	_cleanup_strv_ struct strv names = STRV_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	try_spec(text, size, false);
	try_spec(text, size, true);
	if (ldcache_parse(&cache, text, size, &err) == 0) {
		size_t len;
		_cleanup_free_ char *again = ldcache_format(&cache, &len);
		_cleanup_ldcache_ struct ldcache copy = LDCACHE_INIT;
		if (ldcache_parse(&copy, again, len, &err) < 0 || copy.count != cache.count)
			abort();
	}
	_cleanup_free_ char *list = xstrndup(text, size);
	(void)nodelist_expand(&names, list, 1000, &err);
	if (names.count > 1000)
		abort();
	return 0;
}
