/*
 * sandbox/fstab-options.h - the words of the OPTIONS field (private to mount files)
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "sandbox/fstab.h"

/* Is the word an option that we know, that is, one that is no file system's own? */
bool fstab_option_is_known(const char *word, size_t len);

/* Set what a comma-separated list says in ENTRY. */
void fstab_options_apply(struct fstab_entry *entry, const char *options);
