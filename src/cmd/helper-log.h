/*
 * cmd/helper-log.h - messages of the helpers (private to them)
 */
#pragma once

#include "base/error.h"

/* "NAME: MESSAGE" on stderr, control bytes shown as "?". */
void helper_log_failure(const char *name, const struct error *err);
