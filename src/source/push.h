/*
 * source/push.h - an image of one layer goes to a registry (OCI distribution spec, "Push")
 *
 * By the same rules as it would be fetched: who we are, certificates, plain http. Mirrors are never pushed to. What the
 * registry has already is not sent again; a broken upload goes on where the registry lets it, else from the front.
 */
#pragma once

#include "source/source.h"

struct push;

struct push_blob {
	const char *digest;
	uint64_t size;
	int fd; /* borrowed: the bytes, from offset 0 on */
};

struct push_image {
	struct push_blob layer, config;
	const char *manifest, *manifest_digest; /* of MANIFEST_LEN bytes */
	size_t manifest_len;
	const char *manifest_type;
};

/*
 * Parse URI (docker://…:TAG), connect, and be sure that we may push there: better known before a layer is made. The
 * caller owns *PUSH.
 */
int push_open(const char *uri, const struct source_options *options, struct push **push, struct error *err);
/* Send IMAGE; its tag says so only once all is there. */
int push_send(struct push *p, const struct push_image *image, struct error *err);
void push_close(struct push *p);
