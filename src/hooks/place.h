/*
 * hooks/place.h - putting generated files into a root filesystem
 *
 * In a writable one the file takes the place of what has its name (a temporary and a rename, so that concurrent
 * starts see one or the other): package managers rename over these files, and what they wrote must be there at
 * the next start. In any other the generated file is bound over it.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "hooks/hooks.h"

/* Make PATH read as TEXT (LEN bytes). Does nothing where it does already. */
int place_file(struct hooks_context *ctx, const char *path, const char *text, size_t len, mode_t mode,
	struct error *err);

/* The same for a caller who knows that it does not. */
int place_changed_file(struct hooks_context *ctx, const char *path, const char *text, size_t len, mode_t mode,
	struct error *err);

/* Replace PATH in ROOT, whatever it is (not a directory), by a file or a symlink. */
int place_replace_file(
	int root, const char *path, const char *text, size_t len, mode_t mode, struct error *err);
int place_replace_link(int root, const char *path, const char *target, struct error *err);

/*
 * What is mounted on may be replaced by another start, between our look and our mount: the kernel says ENOENT then. Is
 * ERR such a failure, and of the first few? Then it is cleared. *TRIES begins with 0.
 */
bool place_try_again(struct error *err, unsigned *tries);
