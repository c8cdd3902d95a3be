/*
 * base/log.h - messages to people
 *
 * All go to stderr as "[INFO] …", "[WARN] …", "[ERROR] …", one line each, coloured on a terminal. stdout is
 * for results only. Control bytes in the text (it may come from a server or an image) are shown as '?'.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"

void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Print an error value: the message, then the hint as a second sentence, on one line. */
void log_failure(const struct error *err);

/* With quiet, log_info prints nothing. */
void log_set_quiet(bool quiet);
bool log_is_quiet(void);

/* Is stderr a terminal? Decides colours and progress bars. */
bool log_is_terminal(void);
