/*
 * image/import.h - from a source to one squashfs file
 *
 * The way of the data: source → layers, scanned once from the top, live data straight into the writer → exact
 * merge → repair of what is still owed → tables → fsync → name. No extraction, no privilege, no other program.
 * The bytes depend on the manifest and the options only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "layer/layer.h"
#include "source/source.h"
#include "squashfs/options.h"

struct import_request {
	const char *uri;
	struct source_options source;
	struct sqfs_options squashfs;
	struct layer_limits limits;
	bool allow_diff_id_mismatch;
	bool has_epoch; /* SOURCE_DATE_EPOCH was given */
	uint32_t epoch; /* seconds since 1970 */
};

/* Import to the file OUTPUT, which must not exist. */
int image_import(const struct import_request *req, const char *output, struct error *err);

/* Write the image to FD (borrowed, an empty file), called NAME in messages; no fsync. *BYTES becomes its size. */
int image_write(
	const struct import_request *req, int fd, const char *name, uint64_t *bytes, struct error *err);
