/*
 * config/private.h - the settings object, for this room only
 */
#pragma once

#include <stdbool.h>

#include "base/strv.h"
#include "config/settings.h"

struct value {
	char *text; /* as given, "no" too; NULL: not given */
	char *where;
	enum setting_source source;
};

struct settings {
	struct value values[SETTING_COUNT_];
	struct strv foreign;  /* ENROOT_* that are no settings */
	struct strv assigned; /* what the files said, for the variables of later lines */
	char *config_file;
	bool runtime_is_fallback;
};

/* A variable of the environment if it is not empty, else FALLBACK. */
const char *environment_or(const char *variable, const char *fallback);
