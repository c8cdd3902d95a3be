/*
 * sandbox/ids.h - who starts a container, seen from outside and from inside
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct ids {
	uid_t outer_uid, inner_uid;
	gid_t outer_gid, inner_gid;
};

static inline bool ids_are_root(const struct ids *ids)
{
	return ids->inner_uid == 0;
}
