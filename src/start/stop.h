/*
 * start/stop.h - ending containers from outside
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/*
 * End all processes in the COUNT mount namespaces (inode numbers): SIGTERM, and what is left after TIMEOUT_S seconds gets
 * SIGKILL. Returns when they are gone; -1 with ERR if some cannot be ended.
 */
int stop_namespaces(const uint64_t *namespaces, size_t count, unsigned timeout_s, struct error *err);
