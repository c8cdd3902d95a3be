/*
 * source/check.h - does a registry answer?
 */
#pragma once

#include "source/source.h"

/*
 * Ask REGISTRY (HOST[:PORT]) as an import would, without fetching anything: that it answers, and that it knows us
 * where it wants to know who asks.
 */
int source_check(const char *registry, const struct source_options *options, struct error *err);
