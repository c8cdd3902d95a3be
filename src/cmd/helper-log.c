#include "cmd/helper-log.h"

#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/str.h"

void helper_log_failure(const char *name, const struct error *err)
{
	_cleanup_free_ char *text =
		xasprintf("%s: %s", name, err->message != NULL ? err->message : "unknown error");
	str_make_printable(text);
	size_t len = strlen(text);
	text[len] = '\n'; /* in place of the NUL: one write a line */
	(void)fd_write_full(STDERR_FILENO, text, len + 1);
}
