/* login.defs, passwd and group of an image. */
#include <stdint.h>

#include "base/memory.h"
#include "sandbox/defs.h"
#include "sandbox/passwd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = xstrndup((const char *)data, size);
	_cleanup_defs_ struct defs defs = DEFS_INIT;
	_cleanup_user_ struct user user = USER_INIT;
	long number;

	defs_parse(&defs, text);
	for (unsigned i = 0; i < DEF_COUNT_; i++)
		(void)defs_number(&defs, i, &number);
	(void)passwd_find_uid(text, 1000, &user);
	free(group_find_gid(text, 1000));
	return 0;
}
