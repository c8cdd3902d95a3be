/*
 * source/local.h - what sources in files have in common
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "base/strv.h"
#include "source/archive.h"

/* Take "PREFIX PATH[:REST]" apart at the first colon behind the prefix; *REST is NULL if there is none. The caller owns
 * both. ERR: "Invalid image reference: URI". */
int local_parse(const char *uri, const char *prefix, char **path, char **rest, struct error *err);

/* "oci:dir/image:1" → "image+1", "docker-archive:x.tar:a/b:1" → "a+b+1", "oci-archive:x.tar" → "x"; the caller owns
 * it. */
char *local_default_name(const char *uri, const char *prefix, struct error *err);

/* Read a whole range of at most MAX bytes; WHAT names it in ERR. */
int local_read(const struct archive_range *range, size_t max, const char *what, struct buffer *data,
	struct error *err);

/* The digest of the manifest that stands for an image without one: the same for the same configuration and diff_ids,
 * however the layers are stored. The caller owns it. */
char *local_manifest_digest(const char *config, size_t config_len, const struct strv *diff_ids);
