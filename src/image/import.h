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
#include "store/images.h"

struct import_request {
	const char *uri;
	struct source_options source;
	struct sqfs_options squashfs;
	struct layer_limits limits;
	struct image_cache images; /* where --if-needed may find it built; no places: nowhere */
	bool allow_diff_id_mismatch;
	bool by_digest; /* record the origin with the manifest's digest, whatever tag was asked for */
	bool has_epoch; /* SOURCE_DATE_EPOCH was given */
	uint32_t epoch; /* seconds since 1970 */
};

/* What came of it. */
struct import_result {
	char *manifest_digest; /* owned */
	uint64_t bytes;        /* of the file */
	bool is_built;         /* by this process */
};
#define _cleanup_import_result_ __attribute__((cleanup(import_result_cleanup)))
void import_result_cleanup(struct import_result *r);

/* Import to the file OUTPUT, which must not exist. */
int image_import(const struct import_request *req, const char *output, struct import_result *result,
	struct error *err);

/*
 * Make sure that OUTPUT holds what the reference resolves to now, by these options: a whole image that says so is left
 * alone, else it is replaced in one step. Of several processes, on any hosts, one builds and the others wait for it.
 * What was there before stays as .NAME.prev: readers on other hosts of an NFS server still have it open.
 */
int image_import_needed(const struct import_request *req, const char *output, struct import_result *result,
	struct error *err);

/*
 * Write the image that *SOURCE is about to FD (borrowed, an empty file), called NAME in messages; no fsync. *BYTES becomes
 * its size. *SOURCE may be another one afterwards, or NULL after a failure.
 */
int image_write_from(const struct import_request *req, struct source **source, int fd, const char *name,
	uint64_t *bytes, struct error *err);

/* Say what SOURCE (may be NULL) needs and what is free where PATH is written, if ERR is about a full file system. Returns
 * -1. */
int image_space_hint(const char *path, const struct source *source, struct error *err);
