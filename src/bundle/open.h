/*
 * bundle/open.h - the bundle that this program is the runtime of
 */
#pragma once

#include "base/error.h"
#include "base/strv.h"
#include "bundle/format.h"
#include "squashfs/reader.h"

struct bundle {
	int fd;     /* owned */
	char *path; /* owned: where the file is */
	struct bundle_layout layout;
	struct sqfs_image *config; /* owned; see bundle_load() */

	/* What its info says; owned, NULL where it says nothing. */
	char *description, *target, *version;
	uint64_t bytes;       /* of the image's files */
	struct strv settings; /* KEY=VALUE */
};

#define BUNDLE_INIT      ((struct bundle){ .fd = -1 })
#define _cleanup_bundle_ __attribute__((cleanup(bundle_close)))

/* Open this program's own file. Nothing but the trailer is looked at. */
int bundle_open(struct bundle *b, struct error *err);
/* If there is a checksum: "Checksum validation failed" (EBADMSG) where it is wrong. */
int bundle_check(const struct bundle *b, struct error *err);
/* Read info and settings. */
int bundle_load(struct bundle *b, struct error *err);
void bundle_close(struct bundle *b);

/* The image, for extraction. The caller closes it. */
struct sqfs_image *bundle_image(const struct bundle *b, size_t cache_bytes, struct error *err);

/*
 * Put the configuration into the directory NAME, which is made in DIR (O_PATH will do), with bin/enroot-mount, by
 * which hooks mount.
 */
int bundle_place_config(const struct bundle *b, int dir, const char *name, struct error *err);

/*
 * Fit a placed configuration (descriptor of its directory) to this host: lines of the standard mount files whose
 * source it does not have are left out. A bundle runs where there is not even an /etc.
 */
int bundle_adapt_config(int config, struct error *err);

/* Write the runtime, as an ordinary program, to FD (empty). */
int bundle_copy_runtime(const struct bundle *b, int fd, struct error *err);
