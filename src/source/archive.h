/*
 * source/archive.h - finding members of a tar file by name
 *
 * For oci-archive and docker-archive: files of a few dozen members that are read in any order. (The tars of layers
 * are another matter: layer/.)
 */
#pragma once

#include <stdint.h>

#include "base/error.h"

struct archive;

/* A range of a file: FD is borrowed. */
struct archive_range {
	int fd;
	uint64_t start, size;
};

/* Open FILE, as input_open_inflated() does (CACHE_PATH is for that), and list its members. */
int archive_open(const char *file, const char *cache_path, struct archive **archive, struct error *err);
/* The same of FD, taken over (also on failure), called NAME in messages. */
int archive_open_fd(int fd, const char *name, struct archive **archive, struct error *err);
void archive_free(struct archive *a);

/* Find the regular file NAME, through links inside the archive. -1 with ENOENT: there is none. */
int archive_find(const struct archive *a, const char *name, struct archive_range *range, struct error *err);
