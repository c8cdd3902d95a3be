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
	const char *output; /* path of the image; must not exist */
	struct source_options source;
	struct sqfs_options squashfs;
	struct layer_limits limits;
	bool allow_diff_id_mismatch;
	bool has_epoch; /* SOURCE_DATE_EPOCH was given */
	uint32_t epoch; /* seconds since 1970 */
};

int image_import(const struct import_request *req, struct error *err);
