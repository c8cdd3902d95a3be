/* registries.conf: whatever is in it, there is somewhere to go, or the registry is blocked; never a malformed place. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "source/registry/mirrors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const uris[] = { "docker://ubuntu:1", "docker://quay.io#a/b", "docker://x.y.z#c" };
	_cleanup_free_ char *text = xstrndup(size > 0 ? (const char *)data : "", size);
	for (size_t i = 0; i < ARRAY_SIZE(uris); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_reference_ struct reference ref = { 0 };
		_cleanup_endpoints_ struct endpoints e = { 0 };
		if (reference_parse(&ref, uris[i], &err) < 0)
			abort();
		if (endpoints_find_in(&e, &ref, text, "fuzz", &err) < 0)
			continue;
		if (e.count == 0)
			abort();
		for (size_t j = 0; j < e.count; j++)
			if (*e.items[j].registry == '\0' || strpbrk(e.items[j].registry, "/ ?#@") != NULL ||
				*e.items[j].repository == '\0')
				abort();
	}
	return 0;
}
