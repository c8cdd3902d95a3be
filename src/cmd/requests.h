/*
 * cmd/requests.h - settings and environment → the options of the rooms below
 */
#pragma once

#include "config/settings.h"
#include "image/import.h"
#include "source/source.h"
#include "squashfs/options.h"

/* What a source needs to know; ARCH is --arch or NULL. The strings belong to S. */
int request_source_options(
	const struct settings *s, const char *arch, struct source_options *options, struct error *err);

/* ENROOT_SQUASH_OPTIONS and ENROOT_MAX_PROCESSORS. */
int request_squashfs_options(const struct settings *s, struct sqfs_options *options, struct error *err);

/* ENROOT_LIMIT_*. */
int request_limits(const struct settings *s, struct layer_limits *limits, struct error *err);

/* All of these for one image, URI and ARCH borrowed; the cache directory exists then. */
int request_import(const struct settings *s, const char *uri, const char *arch, struct import_request *req,
	struct error *err);

/* SOURCE_DATE_EPOCH, if it is set: seconds since 1970, clamped to 32 bits. */
int request_epoch(bool *has_epoch, uint32_t *epoch, struct error *err);
