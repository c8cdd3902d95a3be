/*
 * store/work_lock_owner.h - what a lock says of who made it (inside the room only)
 */
#pragma once

#include <stdbool.h>

#define WORK_LOCK_TEXT_MAX 512

/* This process; the caller owns it. */
char *work_lock_owner_text(void);

/* Is the process of that TEXT gone for certain? Only of one in our own PID namespace can that be known. */
bool work_lock_owner_is_dead(const char *text);

/* "pid 12 on HOST", for messages; the caller owns it. */
char *work_lock_owner_name(const char *text);
