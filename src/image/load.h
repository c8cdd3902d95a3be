/*
 * image/load.h - from a source to a root filesystem in one pass
 *
 * The way of the data is that of image/import.h, but for its end: live data go straight to files (rootfs/unpack.h).
 * The result is what an image of the same request would be extracted to, but for set-id bits and file capabilities,
 * which go.
 */
#pragma once

#include "image/import.h"
#include "rootfs/extract.h"
#include "store/container.h"

/*
 * Load what REQ names into a new tree of SCRATCH. Returns its descriptor, owned by the caller, or -1 with ERR; what is
 * half made goes with SCRATCH.
 */
int image_load(const struct import_request *req, struct container_scratch *scratch,
	struct extract_report *report, struct error *err);
