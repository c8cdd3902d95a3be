/*
 * cmd/directives.h - the directives of a conf script, which both programs obey
 */
#pragma once

#include "base/error.h"
#include "config/settings.h"

/*
 * Take over the directives "#ENROOT_X=y" of a conf script, which must be a regular file. *REAL becomes its canonical
 * path, owned by the caller.
 */
int directives_take(struct settings *settings, const char *conf, char **real, struct error *err);
