/*
 * cmd/start-uri.h - start URI: the image comes from the cache, and from where the URI says when it is not there
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "config/settings.h"

/* Does OPERAND name an image of a registry, a daemon, or a layout? Not where it is the name of a container. */
bool start_uri_is(const struct settings *s, const char *operand);

/*
 * The cached image of the URI ARGV[OPERAND], as a descriptor that the caller owns. With a digest, or where the user wants
 * nothing to be asked (IS_OFFLINE), what the cache knows is enough. Else this becomes the program that resolves, fetches
 * and builds, and then runs ARGV ("start …") again with the open image; CONF is the conf script whose directives count, or
 * NULL. -1 with ERR.
 */
int start_uri_open(const struct settings *s, char *argv[], int operand, const char *conf, bool is_offline,
	struct error *err);

/* The option by which that image comes: the number of a descriptor, taken over. -1 with ERR. */
#define START_IMAGE_OPTION "image-fd"
int start_uri_take(const char *number, struct error *err);
