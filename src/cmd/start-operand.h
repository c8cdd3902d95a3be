/*
 * cmd/start-operand.h - what start and batch do with a container's name or an image's, and with a conf script
 */
#pragma once

#include "base/error.h"
#include "config/settings.h"
#include "start/start.h"

/*
 * Start what OPERAND names: a squashfs file whatever it is called, else a container in ENROOT_DATA_PATH ("." is that
 * directory itself). REQ lacks only the root filesystem. Returns as start_run() does.
 */
int start_operand(
	const struct settings *settings, const char *operand, struct start_request *req, struct error *err);

/*
 * Take over the directives "#ENROOT_X=y" of a conf script, which must be a regular file. *REAL becomes its canonical
 * path, owned by the caller.
 */
int start_take_directives(struct settings *settings, const char *conf, char **real, struct error *err);
