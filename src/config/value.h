/*
 * config/value.h - what a shell's echo would make of a value
 *
 * Quotes, backslashes, comments, blanks, ~, $VAR, ${VAR}, ${VAR:-x}, $(id -u), $(id -g), $(id -un) and
 * $(hostname) are understood here; a text that needs more is given to /bin/sh.
 */
#pragma once

#include <stdbool.h>

#include "base/strv.h"

enum value_result {
	VALUE_OK,
	VALUE_VOID,    /* an unset variable without a default, or the shell failed: as if it were not there */
	VALUE_INVALID, /* quotes or braces that do not end */
};

/*
 * Evaluate the text of one line. Variables are those of the environment, where it has a non-empty value, else of
 * ASSIGNED (KEY=VALUE, may be NULL). *VALUE is owned by the caller, and only set with VALUE_OK.
 */
enum value_result value_expand(const char *text, const struct strv *assigned, char **value);

/* Is a line of a configuration file plainly well-formed as shell text? If not, only a shell knows. */
bool value_line_is_plain(const char *line);
