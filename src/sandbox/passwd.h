/*
 * sandbox/passwd.h - passwd(5) and group(5) files as text
 *
 * Parsed by hand: the C library's look-ups would load name service modules, and after pivot_root those would be
 * the image's. Pure functions.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "config/user.h"

/* The first well-formed line of TEXT with this uid. USER is filled when true. */
bool passwd_find_uid(const char *text, uid_t uid, struct user *user);

/* The name of the first well-formed line of a group file with this gid; the caller owns it. NULL: none. */
char *group_find_gid(const char *text, gid_t gid);

/*
 * The line after *CURSOR, which moves on; NULL at the end. LEN is its length without the newline. For walking a
 * whole file.
 */
const char *passwd_next_line(const char **cursor, size_t *len);
