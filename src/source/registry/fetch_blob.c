#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/memory.h"
#include "base/space.h"
#include "base/str.h"
#include "source/registry/fetch_private.h"
#include "store/blob.h"

#define SEGMENT_BYTES   ((uint64_t)16 << 20)
#define WRITE_OUT_BYTES SEGMENT_BYTES
#define SCRATCH_BYTES   ((size_t)256 << 10)
#define ADOPT_BYTES     ((size_t)4 << 20) /* hashed at a time, between looks at the network */

static void append_segment(struct fetch_blob *b, uint64_t start, uint64_t end)
{
	struct segment *s = xcalloc(1, sizeof(*s));
	*s = (struct segment){ .end = end, .stored = start, .written_out = start };
	if (b->last != NULL)
		b->last->next = s;
	else
		b->first = s;
	b->last = s;
	if (b->hashing == NULL)
		b->hashing = s;
	b->next_start = end;
}

int fetch_blob_begin(struct fetch_blob *b, struct error *err)
{
	if (blob_begin(&b->spool, b->fetch->cache_path, b->digest, b->size, err) < 0)
		return -1;
	int fd = fcntl(b->spool.fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return error_errno(err, "cannot write layer %s", b->digest);
	pthread_mutex_lock(&b->fetch->lock); /* readers may have come already */
	b->fd = fd;
	pthread_mutex_unlock(&b->fetch->lock);
	b->digester = digester_new(b->digest);
	return 0;
}

bool fetch_blob_adopt(struct fetch_blob *b)
{
	int fd = blob_open(b->fetch->cache_path, b->digest, b->size);
	if (fd < 0)
		return false;
	pthread_mutex_lock(&b->fetch->lock);
	b->fd = fd;
	b->state = FETCH_ADOPTED;
	pthread_mutex_unlock(&b->fetch->lock);
	work_lock_free(steal_pointer(&b->lock));
	b->digester = digester_new(b->digest);
	return true;
}

/* Hash some of what FD has of the blob, up to offset END. */
static int hash_stored(struct fetch_blob *b, int fd, uint64_t end, struct error *err)
{
	if (b->scratch == NULL)
		b->scratch = xmalloc(SCRATCH_BYTES);
	size_t n = (size_t)MIN(end - b->hashed, SCRATCH_BYTES);
	ssize_t got = fd_pread_full(fd, b->scratch, n, b->hashed);
	if (got >= 0 && got < (ssize_t)n)
		return error_set(err, EIO, "layer %s became shorter in %s while it was read", b->digest,
			b->fetch->cache_path);
	if (got < 0)
		return error_errno(err, "cannot read layer %s in %s", b->digest, b->fetch->cache_path);
	digester_update(b->digester, b->scratch, n);
	b->hashed += n;
	return 0;
}

int fetch_blob_hash(struct fetch_blob *b, struct error *err)
{
	for (size_t done = 0; done < ADOPT_BYTES && b->hashed < b->size; done += SCRATCH_BYTES)
		if (hash_stored(b, b->fd, b->size, err) < 0)
			return -1;
	atomic_store(&b->arrived, b->hashed);
	if (b->hashed >= atomic_load(&b->wanted))
		fetch_wake(b);
	if (b->hashed < b->size)
		return 0;
	_cleanup_free_ char *digest = digester_final(b->digester);
	if (str_eq(digest, b->digest))
		return 1;
	error_set(err, EBADMSG, "layer %s is damaged in the cache %s", b->digest, b->fetch->cache_path);
	if (!blob_discard(b->fetch->cache_path, b->digest, b->fd))
		return error_hint(err, "it belongs to somebody else: remove it, or set ENROOT_CACHE_PATH");
	return error_hint(err, "it was removed; another try fetches it again");
}

bool fetch_blob_assign(struct fetch_blob *b, struct transfer *t)
{
	if (b->first != NULL && b->next_start == b->size)
		return false;
	uint64_t left = b->size - b->next_start;
	bool is_last = b->has_no_ranges || left < 2 * SEGMENT_BYTES;
	append_segment(b, b->next_start, b->next_start + (is_last ? left : SEGMENT_BYTES));
	t->segment = b->last;
	t->received = b->last->stored;
	t->progress_at = t->received;
	t->failures = 0;
	t->renewals = 0;
	t->is_complete = false;
	t->started_ms = clock_ms();
	return true;
}

void fetch_blob_join_segments(struct fetch_blob *b, struct transfer *t)
{
	b->has_no_ranges = true;
	if (t->segment != b->last)
		return; /* others came through after all: this one skips what it need not */
	t->segment->end = b->size;
	b->next_start = b->size;
}

/* Hash what other segments have stored already, from where the digest has come to. */
static int catch_up(struct fetch_blob *b, struct error *err)
{
	for (struct segment *s; (s = b->hashing) != NULL;) {
		if (b->hashed == s->end && s->next != NULL) {
			b->hashing = s->next;
			continue;
		}
		if (b->hashed == s->stored)
			break;
		if (hash_stored(b, b->spool.fd, s->stored, err) < 0)
			return -1;
	}
	return 0;
}

static void write_out(struct fetch_blob *b, struct segment *s)
{
	if (s->stored - s->written_out < WRITE_OUT_BYTES && s->stored != s->end)
		return;
	if (b->size >= WRITE_OUT_BYTES)
		blob_keeper_write_out(
			b->fetch->keeper, b->spool.fd, s->written_out, s->stored - s->written_out);
	s->written_out = s->stored;
}

int fetch_blob_store(
	struct fetch_blob *b, struct segment *s, const char *data, size_t len, uint64_t at, struct error *err)
{
	if (fd_pwrite_full(b->spool.fd, data, len, at) < 0) {
		error_errno(err, "cannot write layer %s to %s", b->digest, b->fetch->cache_path);
		return space_hint(b->fetch->cache_path, b->size - at, "ENROOT_CACHE_PATH", err);
	}
	s->stored = at + len;
	if (s == b->hashing && at == b->hashed) {
		digester_update(b->digester, data, len); /* the usual case: no need to read it again */
		b->hashed += len;
	}
	if (catch_up(b, err) < 0)
		return -1;
	write_out(b, s);
	atomic_store(&b->arrived, b->hashed);
	if (b->hashed >= atomic_load(&b->wanted))
		fetch_wake(b);
	return 0;
}

int fetch_blob_check(struct fetch_blob *b, struct error *err)
{
	_cleanup_free_ char *digest = digester_final(b->digester);
	if (str_eq(digest, b->digest))
		return 0;
	error_set(err, EBADMSG, "layer %s arrived damaged: its bytes have the digest %s", b->digest, digest);
	return error_hint(
		err, "the registry's copy may be corrupt: push the image again, or ask its administrator");
}

void fetch_blob_cleanup(struct fetch_blob *b)
{
	while (b->transfers != NULL)
		transfer_free(b->transfers);
	for (struct segment *s = b->first, *next; s != NULL; s = next) {
		next = s->next;
		free(s);
	}
	b->first = b->last = b->hashing = NULL;
	free(steal_pointer(&b->scratch));
	free(steal_pointer(&b->etag));
	digester_free(steal_pointer(&b->digester));
	publish_abort(&b->spool);
	work_lock_free(steal_pointer(&b->lock));
}
