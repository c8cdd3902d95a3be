/*
 * cmd/start-named.h - start --name NAME, start --detach
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "config/settings.h"
#include "start/start.h"

/*
 * As start_operand(), under NAME (NULL: none was given). With DETACH the container runs in the background, and 0 is
 * returned, its PID printed, as soon as it does.
 */
int start_named(const struct settings *settings, const char *operand, const char *name, bool detach,
	struct start_request *req, struct error *err);
