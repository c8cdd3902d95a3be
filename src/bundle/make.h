/*
 * bundle/make.h - making a self-running file (enroot-image only)
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strv.h"

struct bundle_request {
	const char *runtime; /* path of the program enroot */
	const char *image;   /* path of a squashfs image */
	const char *output;  /* path of the result */
	bool replace;        /* an existing file */

	const char *description; /* NULL: none */
	const char *target;      /* text that a shell expands when the bundle runs; NULL: $PWD/BUNDLE */

	const char *system_dir;      /* whose hooks.d, mounts.d and environ.d come along; NULL: none */
	const char *user_dir;        /* likewise; NULL: none */
	const char *library_dir;     /* of common.sh; NULL: none */
	const struct strv *settings; /* KEY=VALUE */

	bool checksum;  /* embed a SHA-256 of everything, verified by every run */
	bool has_epoch; /* the time of what is generated; else the image's */
	uint32_t epoch; /* seconds since 1970 */
};

/* The bytes are a function of runtime, image, configuration and request alone. */
int bundle_make(const struct bundle_request *req, struct error *err);
