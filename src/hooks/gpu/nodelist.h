/*
 * hooks/gpu/nodelist.h - Slurm's lists of hosts: "login,node[01-12,15],rack[0-1]n[1-4]"
 */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "base/strv.h"

/* Append the names, LIMIT at most (the rest is not looked at). EINVAL: malformed. */
int nodelist_expand(struct strv *names, const char *list, size_t limit, struct error *err);
