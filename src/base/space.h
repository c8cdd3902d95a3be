/*
 * base/space.h - what to say where a file system is full
 */
#pragma once

#include <stdint.h>

#include "base/error.h"

/*
 * If ERR says that there is no space (or quota) left, add the remedy: about NEED bytes are needed (0: unknown), and so
 * much is free in DIR, or in its nearest parent that exists. SETTING (may be NULL) names another place. Returns -1.
 */
int space_hint(const char *dir, uint64_t need, const char *setting, struct error *err);

/* The same of the directory that PATH is in. */
int space_hint_beside(const char *path, uint64_t need, const char *setting, struct error *err);
