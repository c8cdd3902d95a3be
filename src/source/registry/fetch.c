#include "source/registry/fetch.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/str.h"
#include "source/registry/fetch_private.h"

#define CONNECTIONS_MAX 64                  /* what "unlimited" means */
#define READ_AHEAD      ((size_t)512 << 10) /* a waiting reader is woken for so many bytes, not for each few */
#define READ_WAIT_NS    250000000L          /* how long a signal may go unnoticed */

struct fetch *fetch_new(const struct fetch_places *places, struct registry *first, const char *cache_path,
	unsigned max_connections, struct blob_keeper *keeper)
{
	struct fetch *f = xcalloc(1, sizeof(*f));
	f->places = *places;
	f->registry = first;
	f->keeper = keeper;
	f->cache_path = xstrdup(cache_path);
	f->max_connections = max_connections != 0 ? MIN(max_connections, CONNECTIONS_MAX) : CONNECTIONS_MAX;
	pthread_mutex_init(&f->lock, NULL);
	f->multi = curl_multi_init();
	if (f->multi == NULL)
		abort(); /* out of memory */
	return f;
}

static void free_blob(struct fetch_blob *b)
{
	fetch_blob_cleanup(b);
	if (b->fd >= 0)
		close(b->fd);
	free(b->digest);
	strv_cleanup(&b->urls);
	error_clear(&b->error);
	pthread_cond_destroy(&b->changed);
	free(b);
}

void fetch_free(struct fetch *f)
{
	if (f == NULL)
		return;
	pthread_mutex_lock(&f->lock);
	f->is_closing = true;
	pthread_mutex_unlock(&f->lock);
	if (f->is_running) {
		curl_multi_wakeup(f->multi);
		pthread_join(f->thread, NULL);
	}
	for (size_t i = 0; i < f->count; i++)
		free_blob(f->blobs[i]);
	free(f->blobs);
	curl_multi_cleanup(f->multi);
	pthread_mutex_destroy(&f->lock);
	free(f->cache_path);
	free(f);
}

static struct fetch_blob *new_blob(
	struct fetch *f, const char *digest, uint64_t size, const struct strv *urls)
{
	struct fetch_blob *b = xcalloc(1, sizeof(*b));
	b->fetch = f;
	b->digest = xstrdup(digest);
	b->size = size;
	for (size_t i = 0; urls != NULL && i < urls->count; i++)
		strv_push(&b->urls, urls->items[i]);
	b->fd = -1;
	b->spool = PUBLISH_INIT;
	atomic_init(&b->wanted, UINT64_MAX);
	clock_cond_init(&b->changed);
	return b;
}

struct fetch_blob *fetch_add(
	struct fetch *f, const char *digest, uint64_t size, const struct strv *urls, struct error *err)
{
	struct fetch_blob *b = new_blob(f, digest, size, urls);
	pthread_mutex_lock(&f->lock);
	grow_array(&f->blobs, &f->capacity, f->count + 1);
	f->blobs[f->count++] = b;
	if (!f->is_running) {
		int r = pthread_create(&f->thread, NULL, fetch_run, f);
		f->is_running = r == 0;
		if (r != 0)
			error_set(err, r, "cannot start a thread: %s", strerror(r));
	}
	bool is_running = f->is_running;
	pthread_mutex_unlock(&f->lock);
	if (!is_running)
		return NULL;
	curl_multi_wakeup(f->multi);
	return b;
}

struct fetch_blob *fetch_find(struct fetch *f, const char *digest)
{
	struct fetch_blob *found = NULL;
	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->count && found == NULL; i++)
		if (f->blobs[i]->state != FETCH_FAILED && str_eq(f->blobs[i]->digest, digest))
			found = f->blobs[i];
	pthread_mutex_unlock(&f->lock);
	return found;
}

static int copy_error(struct error *err, const struct error *from)
{
	error_set(err, from->code, "%s", from->message);
	return from->hint != NULL ? error_hint(err, "%s", from->hint) : -1;
}

/* Wait until UNTIL bytes have arrived or the transfer ended; the lock is held. */
static int wait_for(struct fetch_blob *b, uint64_t until, const atomic_bool *cancelled, struct error *err)
{
	while (!fetch_is_over(b)) {
		if (interrupt_check(err) < 0)
			return -1;
		if (atomic_load(cancelled))
			return error_set(err, ECANCELED, "reading layer %s was given up", b->digest);
		if (until < atomic_load(&b->wanted))
			atomic_store(&b->wanted, until);
		if (atomic_load(&b->arrived) >= until && until < b->size)
			return 0; /* the last bytes are given out only when they proved right */
		clock_cond_wait(&b->changed, &b->fetch->lock, READ_WAIT_NS);
	}
	return b->state == FETCH_FAILED ? copy_error(err, &b->error) : 0;
}

int fetch_read(struct fetch_blob *b, uint64_t offset, void *buf, size_t len, size_t *got,
	const atomic_bool *cancelled, struct error *err)
{
	*got = 0;
	uint64_t need = MIN(b->size, offset + MIN(len, READ_AHEAD));
	if (need == b->size || atomic_load(&b->arrived) < need) {
		pthread_mutex_lock(&b->fetch->lock);
		int r = wait_for(b, MIN(b->size, offset + READ_AHEAD), cancelled, err);
		pthread_mutex_unlock(&b->fetch->lock);
		if (r < 0)
			return -1;
	}
	uint64_t there = atomic_load(&b->arrived);
	if (offset >= there)
		return 0;
	ssize_t n = fd_pread_full(b->fd, buf, (size_t)MIN(len, there - offset), offset);
	if (n < 0)
		return error_errno(err, "cannot read layer %s", b->digest);
	*got = (size_t)n;
	return 0;
}
