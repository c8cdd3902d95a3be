/*
 * rootfs/meta.h - modes, owners, times and extended attributes of what an image makes here (private to this room)
 *
 * One set of rules for every way from an image to a directory. For a caller other than root: owners are the caller,
 * setuid and setgid go, and what the owner could not use is repaired (u+rX, directories u+w). For root the image
 * decides, unless its privileges are to be stripped.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct meta_rules {
	bool is_root;
	bool strip_setid; /* for root too: setuid, setgid and file capabilities */
	_Atomic uint64_t skipped_xattrs, skipped_owners;
};

/* What an image says of one inode. */
struct meta {
	bool is_dir, has_xattrs;
	uint16_t mode; /* 07777 */
	uint32_t uid, gid;
	uint32_t mtime;
};

/* The permission bits in the end, DEPTH directories below the root. */
mode_t meta_mode(const struct meta_rules *rules, const struct meta *m, unsigned depth);
/* The bits to create it with, so that it can be filled; *FIX says whether they must be changed afterwards. */
mode_t meta_create_mode(const struct meta_rules *rules, const struct meta *m, unsigned depth, bool *fix);

/* Owner of an open file or directory: first of all, for it takes other things away. */
int meta_set_owner(struct meta_rules *rules, int fd, const struct meta *m, struct error *err);
/* One attribute, if it means anything here; what cannot be set is counted. */
void meta_set_xattr(struct meta_rules *rules, int fd, const char *name, const void *value, size_t len);
/* Mode (where FIX) and times, last of all. */
int meta_seal(
	struct meta_rules *rules, int fd, const struct meta *m, unsigned depth, bool fix, struct error *err);

/* Owner and times of what is not opened: NAME in DIR. */
int meta_finish_name(
	struct meta_rules *rules, int dir, const char *name, const struct meta *m, struct error *err);
