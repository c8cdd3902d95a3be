/*
 * store/container.h - names of containers and the directory they live in
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"

/*
 * Is NAME a container's name: 1-255 bytes, no "/", no control bytes, not beginning with "-" or "."? ERR says
 * "Invalid argument: NAME". ("." itself, which start takes, is the caller's business.)
 */
int container_name_check(const char *name, struct error *err);

/* DATA_PATH/NAME; the caller owns it. */
char *container_path(const char *data_path, const char *name);
