/* Environment files of an image: whatever is in them, what comes out is KEY=VALUE, each key once, one line each. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "sandbox/environ.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *host[] = { "HOME=/home/me", "A=a b", "N=first\nA=second", NULL };
	_cleanup_strv_ struct strv env = STRV_INIT, out = STRV_INIT;
	environ_parse_file(&env, (const char *)data, size, host);
	environ_parse_output(&out, (const char *)data, size, host);
	for (size_t i = 0; i < env.count; i++) {
		const char *equals = strchr(env.items[i], '=');
		if (equals == NULL || !environ_key_is_valid(env.items[i], (size_t)(equals - env.items[i])) ||
			strncmp(env.items[i], "ENROOT_", 7) == 0 || strchr(env.items[i], '\n') != NULL)
			abort();
		for (size_t j = 0; size < 256 && j < i; j++) {
			if (strncmp(env.items[i], env.items[j], (size_t)(equals - env.items[i]) + 1) == 0)
				abort();
		}
	}
	return 0;
}
