/*
 * config/files.h - reading enroot.conf and its drop-ins
 */
#pragma once

#include "base/error.h"
#include "base/strv.h"

/* One assignment, in force unless the environment has a value: KEY is [A-Z_]+ or a proxy's. */
typedef void (*files_assign)(void *ctx, const char *key, size_t key_len, const char *value, const char *path);

/*
 * Read PATH and "PATH.d"/\*.conf, in this order. ASSIGN is called for each non-empty value, evaluated; it keeps
 * ASSIGNED (KEY=VALUE), which later lines see as variables. Missing files are fine.
 */
int files_read(
	const char *path, const struct strv *assigned, files_assign assign, void *ctx, struct error *err);
