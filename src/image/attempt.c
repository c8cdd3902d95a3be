#include "image/attempt.h"

#include <errno.h>

#include "base/log.h"
#include "base/memory.h"

/* Small layers first (they are soon out of the way), then from the top: the order in which they are scanned. */
#define SMALL_LAYER_BYTES (1024 * 1024)

static size_t *fetch_order(const struct source_image *image)
{
	size_t *order = xcalloc(image->layer_count, sizeof(*order));
	size_t n = 0;
	for (int small = 1; small >= 0; small--) {
		for (size_t i = image->layer_count; i-- > 0;) {
			if ((image->layers[i].size < SMALL_LAYER_BYTES) == small)
				order[n++] = i;
		}
	}
	return order;
}

static int fetch_and_make(const struct import_request *req, struct source *source,
	const struct image_attempt *attempt, struct error *err)
{
	const struct source_image *image = source_image(source);
	_cleanup_free_ size_t *order = fetch_order(image);
	if (source_prefetch(source, order, image->layer_count, err) < 0)
		return -1;
	return attempt->make(attempt->ctx, req, source, err);
}

int image_attempt(const struct import_request *req, struct source **source,
	const struct image_attempt *attempt, struct error *err)
{
	if (fetch_and_make(req, *source, attempt, err) == 0)
		return 0;
	if (err->code != EBADMSG)
		return -1;
	/* A blob in a cache was not what its name says; it is gone now, so fetch it again. What is only read stays as it
	 * is, and is left out. Or a mirror sent what others may have right: it is asked last. */
	struct import_request again = *req;
	again.source.system_caches = NULL;
	again.source.is_reversed = true;
	log_warn("%s", err->message);
	error_clear(err);
	source_close(steal_pointer(source));
	if (attempt->undo(attempt->ctx, err) < 0 || source_open(again.uri, &again.source, source, err) < 0)
		return -1;
	return fetch_and_make(&again, *source, attempt, err);
}
