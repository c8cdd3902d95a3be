/* References: what is taken has to survive being spelled out and parsed again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "source/registry/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_reference_ struct reference r = { 0 }, again = { 0 };
	_cleanup_free_ char *text = xstrndup((const char *)data, size);
	_cleanup_free_ char *uri = xasprintf("docker://%s", text);
	if (reference_parse(&r, uri, &err) < 0)
		return 0;
	_cleanup_free_ char *name = reference_default_name(&r);
	_cleanup_free_ char *plain = xasprintf("docker://%s#%s:%s%s%s", r.registry, r.repository, r.tag,
		r.digest != NULL ? "@" : "", r.digest != NULL ? r.digest : "");
	if (*name == '\0' || strchr(name, '/') != NULL || reference_parse(&again, plain, &err) < 0 ||
		!str_eq(r.repository, again.repository) || !str_eq(r.registry, again.registry))
		abort();
	return 0;
}
