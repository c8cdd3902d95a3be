/* Reading blobs: the public functions, and blobs that lie in a file. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/str.h"
#include "source/scheme.h"
#include "store/blob.h"

#define FINISH_BYTES ((size_t)256 << 10)

int source_blob_open(struct source *s, size_t layer, struct source_blob **blob, struct error *err)
{
	if (layer >= s->image.layer_count)
		return error_set(err, EINVAL, "the image has no layer %zu", layer);
	struct source_blob *b = xcalloc(1, sizeof(*b));
	b->layer = &s->image.layers[layer];
	b->fd = -1;
	if (s->scheme->blob_open(s, layer, b, err) < 0) {
		free(b);
		return -1;
	}
	*blob = b;
	return 0;
}

int source_blob_read(struct source_blob *b, void *buf, size_t len, size_t *got, struct error *err)
{
	if (interrupt_check(err) < 0)
		return -1;
	return b->read(b, buf, len, got, err);
}

int source_blob_finish(struct source_blob *b, struct error *err)
{
	_cleanup_free_ char *buf = xmalloc(FINISH_BYTES);
	size_t got;
	do {
		if (source_blob_read(b, buf, FINISH_BYTES, &got, err) < 0)
			return -1;
	} while (got > 0);
	return 0;
}

void source_blob_cancel(struct source_blob *b)
{
	atomic_store(&b->is_cancelled, true);
}

void source_blob_close(struct source_blob *b)
{
	if (b == NULL)
		return;
	b->close(b);
	free(b);
}

/* All bytes were read: are they the right ones? */
static int check_digest(struct source_blob *b, struct error *err)
{
	_cleanup_free_ char *digest = b->digester != NULL ? digester_final(b->digester) : NULL;
	digester_free(steal_pointer(&b->digester));
	b->is_checked = digest != NULL && str_eq(digest, b->layer->digest);
	if (b->is_checked)
		return 0;
	if (b->cache_path == NULL)
		return error_set(err, EBADMSG, "layer %s is damaged", b->layer->digest);
	error_set(err, EBADMSG, "layer %s is damaged in the cache %s", b->layer->digest, b->cache_path);
	if (!b->is_removable)
		return error_hint(err, "tell whoever looks after that cache");
	if (!blob_discard(b->cache_path, b->layer->digest, b->fd))
		return error_hint(err, "it belongs to somebody else: remove it, or set ENROOT_CACHE_PATH");
	return error_hint(err, "it was removed; another try fetches it again");
}

static int read_local(struct source_blob *b, void *buf, size_t len, size_t *got, struct error *err)
{
	*got = 0;
	uint64_t left = b->layer->size - b->position;
	if (left == 0)
		return b->is_checked ? 0 : check_digest(b, err);
	ssize_t n = fd_pread_full(b->fd, buf, (size_t)MIN(left, len), b->start + b->position);
	if (n < 0)
		return error_errno(err, "cannot read layer %s", b->layer->digest);
	if (n == 0)
		return error_set(err, EBADMSG, "layer %s ends after %" PRIu64 " of %" PRIu64 " bytes",
			b->layer->digest, b->position, b->layer->size);
	if (b->digester != NULL)
		digester_update(b->digester, buf, (size_t)n);
	b->position += (uint64_t)n;
	/* Checked with the last bytes, so that who stops reading there has the answer too. */
	if (b->position == b->layer->size && !b->is_checked && check_digest(b, err) < 0)
		return -1;
	*got = (size_t)n;
	return 0;
}

static void close_local(struct source_blob *b)
{
	digester_free(b->digester);
	close(b->fd);
	free(b->cache_path);
}

void source_blob_init_local(
	struct source_blob *b, int fd, uint64_t start, const char *cache_path, bool is_removable)
{
	b->read = read_local;
	b->close = close_local;
	b->fd = fd;
	b->start = start;
	b->digester = digester_new(b->layer->digest);
	b->cache_path = cache_path != NULL ? xstrdup(cache_path) : NULL;
	b->is_removable = is_removable;
	(void)posix_fadvise(fd, (off_t)start, 0, POSIX_FADV_SEQUENTIAL);
}

void source_blob_skip_digest(struct source_blob *b)
{
	digester_free(steal_pointer(&b->digester));
	b->is_checked = true;
}
