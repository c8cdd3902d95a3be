/*
 * source/check.h - does a registry answer?
 */
#pragma once

#include "source/source.h"

/*
 * Ask REGISTRY (HOST[:PORT]) as an import would, without fetching anything. EACCES: it answers, and refuses who we are
 * to it.
 */
int source_check(const char *registry, const struct source_options *options, struct error *err);
