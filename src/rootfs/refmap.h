/*
 * rootfs/refmap.h - a map from inode references to numbers
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct refmap {
	struct refmap_item {
		uint64_t key; /* + 1; 0: free */
		uint64_t value;
	} * items; /* owned */
	size_t capacity, count;
};

void refmap_cleanup(struct refmap *map);

/* The value of KEY, which is entered with 0 if it is missing; *FOUND says which. Good until the next call. */
uint64_t *refmap_get(struct refmap *map, uint64_t key, bool *found);
