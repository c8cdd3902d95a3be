/*
 * source/input.h - the files that sources are read from
 *
 * FILE is a path, or "-" for standard input. What can be read only once (standard input, a pipe such as <(zcat x)) is
 * copied into an unnamed file of the cache directory; standard input once a process, however often it is opened.
 */
#pragma once

#include "base/error.h"

/* A regular file at offset 0, owned by the caller. -1: "No such file or directory: FILE" and the like. */
int input_open(const char *file, const char *cache_path, struct error *err);

/* The same for a file that is a tar: one that is compressed as a whole (gzip, zstd, xz) is inflated first. */
int input_open_inflated(const char *file, const char *cache_path, struct error *err);

/* What an image read from FILE is called: its last component without the suffixes of tars, "stdin" for "-". The caller
 * owns it. */
char *input_name(const char *file);
