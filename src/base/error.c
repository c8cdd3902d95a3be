#include "base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void error_clear(struct error *err)
{
	free(err->message);
	free(err->hint);
	*err = ERROR_INIT;
}

int(error_set)(struct error *err, int code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *message = xvasprintf(fmt, ap); /* before the clear: an argument may be the old message */
	va_end(ap);

	error_clear(err);
	err->code = code != 0 ? code : EINVAL;
	err->message = message;
	return -1;
}

int(error_errno)(struct error *err, const char *fmt, ...)
{
	int code = errno;
	va_list ap;
	va_start(ap, fmt);
	_cleanup_free_ char *what = xvasprintf(fmt, ap);
	va_end(ap);

	return error_set(err, code, "%s: %s", what, strerror(code));
}

int(error_prefix)(struct error *err, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	_cleanup_free_ char *prefix = xvasprintf(fmt, ap);
	va_end(ap);

	char *message = xasprintf("%s: %s", prefix, err->message != NULL ? err->message : "unknown error");
	free(err->message);
	err->message = message;
	if (err->code == 0)
		err->code = EINVAL;
	return -1;
}

int(error_hint)(struct error *err, const char *fmt, ...)
{
	if (err->hint != NULL)
		return -1;
	va_list ap;
	va_start(ap, fmt);
	err->hint = xvasprintf(fmt, ap);
	va_end(ap);
	return -1;
}

int error_move(struct error *dst, struct error *src)
{
	error_clear(dst);
	*dst = *src;
	*src = ERROR_INIT;
	return -1;
}
