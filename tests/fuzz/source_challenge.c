/* WWW-Authenticate, two values of it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "source/registry/challenge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	_cleanup_free_ char *first = xstrndup((const char *)data, size / 2);
	_cleanup_free_ char *second = xstrndup((const char *)data + size / 2, size - size / 2);
	char *values[] = { first, second };
	_cleanup_challenge_ struct challenge c;
	challenge_parse(&c, values, 2);
	if (c.kind == CHALLENGE_BEARER && c.realm == NULL)
		abort();
	return 0;
}
