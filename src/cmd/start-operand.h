/*
 * cmd/start-operand.h - what start and batch do with a container's name or an image's
 */
#pragma once

#include "base/error.h"
#include "config/settings.h"
#include "start/start.h"

/*
 * Start what OPERAND names: a squashfs file whatever it is called, else a container in ENROOT_DATA_PATH ("." is that
 * directory itself). REQ lacks only the root filesystem; where it has an image already, OPERAND is what messages call it.
 * Returns as start_run() does.
 */
int start_operand(
	const struct settings *settings, const char *operand, struct start_request *req, struct error *err);
