/* Lines of enroot.conf and of passwd files. Nothing is given to a shell here: lines are only looked at. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "config/conffile.h"
#include "config/user.h"
#include "config/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *line = xstrndup((const char *)data, size);
	struct conf_line parsed;
	(void)value_line_is_plain(line);
	if (conf_line_parse(line, &parsed) && (parsed.key_len == 0 || *parsed.value == '\0'))
		abort();
	(void)conf_directive_parse(line, &parsed);
	_cleanup_user_ struct user user = USER_INIT;
	if (user_parse_line(line, &user) && (user.name == NULL || *user.name == '\0' || user.home == NULL))
		abort();
	return 0;
}
