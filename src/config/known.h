/*
 * config/known.h - answers that need no shell (private to this room)
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define KNOWN_VALUE_SIZE 256

/*
 * What "id -u", "nproc" and their kind (LEN bytes of TEXT) print; NULL for any other command. With DRY nothing is
 * looked up: the answer is only known to exist. The result is static or in BUF.
 */
const char *command_value(const char *text, size_t len, bool dry, char buf[KNOWN_VALUE_SIZE]);

/* The variables that bash sets without their being exported: UID, EUID, HOSTNAME, and HOME where it is not set. */
const char *variable_value(const char *name, size_t len, char buf[KNOWN_VALUE_SIZE]);

/* How many processors the caller may use. */
unsigned known_processors(void);
