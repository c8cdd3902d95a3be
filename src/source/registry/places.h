/*
 * source/registry/places.h - the registries that an image may come from, in the order to try them
 *
 * Mirrors, then the registry itself (see mirrors.h). A place is a session of its own: what one knows of us, no other does.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "source/registry/registry.h"

struct places;

/*
 * Where the image of URI may be fetched. The strings of OPTIONS are borrowed. NULL with ERR.
 */
struct places *places_new(const char *uri, const struct source_options *options, struct error *err);
void places_free(struct places *p);

size_t places_count(const struct places *p);
/* Is place I, one of several, a mirror? */
bool places_is_mirror(const struct places *p, size_t i);
/* HOST[:PORT] of place I; borrowed. */
const char *places_name(const struct places *p, size_t i);

/* The session with place I, which belongs to P; nothing may have gone over the network yet. NULL with ERR. From one
 * thread at a time. */
struct registry *places_get(struct places *p, size_t i, struct error *err);
