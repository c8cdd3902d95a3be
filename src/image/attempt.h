/*
 * image/attempt.h - fetching what an image needs, and making something of it
 */
#pragma once

#include "image/import.h"

struct image_attempt {
	void *ctx;
	int (*make)(void *ctx, const struct import_request *req, struct source *source, struct error *err);
	int (*undo)(void *ctx, struct error *err); /* what a failed .make left: it is called again */
};

/*
 * Begin to fetch the layers of *SOURCE and do what ATTEMPT says. Where a blob of a cache is found damaged, it is
 * fetched once more: *SOURCE may be another one afterwards, or NULL after a failure.
 */
int image_attempt(const struct import_request *req, struct source **source,
	const struct image_attempt *attempt, struct error *err);
