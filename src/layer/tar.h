/*
 * layer/tar.h - a strict, streaming tar reader
 *
 * v7, ustar, pax (over ustar; POSIX.1-2017 "pax Interchange Format") and GNU tar (long names, base-256 numbers,
 * old and pax sparse files). Everything is checked and bounded before it is believed. Private to layer/.
 *
 * Where readers differ this one does what the reader of the container tools does, so that a layer means here what
 * it means to them: global pax headers are checked and ignored; links, directories and devices have no data
 * whatever their size field says; L and K beat pax; types that nobody knows are refused; an archive may end
 * without its end mark, but not inside a header or file.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "layer/sink.h"
#include "tree/tree.h"

struct tar_source {
	void *ctx;
	/* The next bytes, good until the next call; *LEN 0 is the end. */
	int (*next)(void *ctx, const uint8_t **data, size_t *len, struct error *err);
};

enum tar_type { TAR_FILE, TAR_DIRECTORY, TAR_SYMLINK, TAR_HARDLINK, TAR_FIFO, TAR_DEVICE };

/* Strings are bytes without NUL, good until the next call of tar_reader_next(). */
struct tar_entry {
	const char *path, *link;
	size_t path_len, link_len;
	enum tar_type type;
	uint16_t mode;                   /* 07777 */
	uint32_t mtime;                  /* clamped */
	uint64_t size;                   /* of the file, with its holes */
	uint64_t stored;                 /* bytes of data in the archive */
	uint64_t offset;                 /* of its header in the tar stream */
	const struct tree_xattr *xattrs; /* all that the archive has, each name once */
	size_t xattr_count;
};

struct tar_reader;

struct tar_reader *tar_reader_new(const struct tar_source *source);
void tar_reader_free(struct tar_reader *r);

/* The next entry; data that were not read are skipped. Returns 1, 0 at the end, or -1 with ERR. */
int tar_reader_next(struct tar_reader *r, struct tar_entry *entry, struct error *err);

/* Pass the data of the current file to the sink's file_data and file_hole: exactly entry.size bytes in all. */
int tar_reader_data(struct tar_reader *r, const struct layer_sink *sink, struct error *err);
