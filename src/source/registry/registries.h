/*
 * source/registry/registries.h - the text of registries.conf (between mirrors.c and registries.c only)
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct registries_mirror {
	char *location;
	bool is_insecure, for_digests, for_tags;
};

struct registries_entry {
	char *prefix, *location; /* either may be NULL; then it is as the other */
	bool is_insecure, is_blocked;
	struct registries_mirror *mirrors;
	size_t count, capacity;
};

struct registries {
	struct registries_entry *entries;
	size_t count, capacity;
};

/* Add the entries of TEXT (taken apart). What is not understood is left out with a warning that has NAME and line. */
void registries_parse(struct registries *r, char *text, const char *name);
void registries_cleanup(struct registries *r);
