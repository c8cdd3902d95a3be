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
 * The path of the cached image of the URI ARGV[OPERAND], which the caller owns. With a digest, or where the user wants
 * nothing to be asked (IS_OFFLINE), what the cache knows is enough. Else this becomes the program that resolves, fetches
 * and builds, and then runs "start" again with the path in the URI's place. NULL with ERR.
 */
char *start_uri_resolve(
	const struct settings *s, char *argv[], int operand, bool is_offline, struct error *err);
