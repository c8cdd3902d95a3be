/*
 * hooks/gpu/mellanox.h - the adapters of a host (private to the room)
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum mellanox_interface { MELLANOX_VERBS, MELLANOX_UMAD, MELLANOX_ISSM, MELLANOX_INTERFACES };

struct mellanox_device {
	char *name;                            /* owned: mlx5_0 */
	char *interfaces[MELLANOX_INTERFACES]; /* owned: uverbs0, umad0, issm0; NULL: it has none */
};

struct mellanox_devices {
	struct mellanox_device *items;
	size_t count, capacity;
};

void mellanox_devices_cleanup(struct mellanox_devices *d);

/* All devices of mlx4 and mlx5 drivers, in the order in which they are numbered. */
void mellanox_find(struct mellanox_devices *d);

/* Set the entries of CHOSEN (one a device) that "all" or indices like "0,2" mean. */
int mellanox_choose(const struct mellanox_devices *d, const char *devices, bool *chosen, struct error *err);
