#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/str.h"

static bool quiet;

void log_set_quiet(bool on)
{
	quiet = on;
}

bool log_is_quiet(void)
{
	return quiet;
}

bool log_is_terminal(void)
{
	static int known = -1;
	if (known < 0)
		known = isatty(STDERR_FILENO);
	return known == 1;
}

enum level { LEVEL_INFO, LEVEL_WARN, LEVEL_ERROR };

static const struct {
	const char *tag, *colour;
} levels[] = {
	[LEVEL_INFO] = { "[INFO]", "\033[34m" },
	[LEVEL_WARN] = { "[WARN]", "\033[33m" },
	[LEVEL_ERROR] = { "[ERROR]", "\033[31m" },
};

static void print_line(enum level level, const char *fmt, va_list ap)
{
	int saved = errno;
	_cleanup_free_ char *text = xvasprintf(fmt, ap);
	str_make_printable(text);
	bool colour = log_is_terminal();
	/* One write a line, so that lines of concurrent processes do not mix. */
	_cleanup_free_ char *line = xasprintf("%s%s%s %s\n", colour ? levels[level].colour : "",
		levels[level].tag, colour ? "\033[0m" : "", text);
	(void)fd_write_full(STDERR_FILENO, line, strlen(line));
	errno = saved;
}

#define DEFINE_LOG(name, level)                     \
	void name(const char *fmt, ...)             \
	{                                           \
		if ((level) == LEVEL_INFO && quiet) \
			return;                     \
		va_list ap;                         \
		va_start(ap, fmt);                  \
		print_line(level, fmt, ap);         \
		va_end(ap);                         \
	}
DEFINE_LOG(log_info, LEVEL_INFO)
DEFINE_LOG(log_warn, LEVEL_WARN)
DEFINE_LOG(log_error, LEVEL_ERROR)

void log_failure(const struct error *err)
{
	const char *message = err->message != NULL ? err->message : "unknown error";
	if (err->hint != NULL)
		log_error("%s (%s)", message, err->hint);
	else
		log_error("%s", message);
}
