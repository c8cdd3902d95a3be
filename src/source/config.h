/*
 * source/config.h - the image configuration (OCI image spec, config.md)
 */
#pragma once

#include "source/source.h"

/*
 * Parse a configuration of LEN bytes. The working directory comes out absolute and without "..", volumes
 * absolute and normalised (relative ones are left out with a warning), labels sorted and on one line each.
 */
int image_config_parse(struct image_config *c, const char *data, size_t len, struct error *err);
void image_config_cleanup(struct image_config *c);
