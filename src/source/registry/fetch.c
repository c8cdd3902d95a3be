#include "source/registry/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/str.h"
#include "source/registry/fetch_private.h"
#include "store/blob.h"

#define CONNECTIONS_MAX 64                  /* what "unlimited" means */
#define POLL_MAX_MS     500                 /* how long a signal may go unnoticed */
#define READ_AHEAD      ((size_t)512 << 10) /* a waiting reader is woken for so many bytes, not for each few */

int64_t fetch_now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct fetch *fetch_new(
	struct registry *r, const char *cache_path, unsigned max_connections, struct blob_keeper *keeper)
{
	struct fetch *f = xcalloc(1, sizeof(*f));
	f->registry = r;
	f->keeper = keeper;
	f->cache_path = xstrdup(cache_path);
	f->max_connections = max_connections != 0 ? MIN(max_connections, CONNECTIONS_MAX) : CONNECTIONS_MAX;
	pthread_mutex_init(&f->lock, NULL);
	f->multi = curl_multi_init();
	if (f->multi == NULL)
		abort(); /* out of memory */
	return f;
}

void fetch_wake(struct fetch_blob *b)
{
	pthread_mutex_lock(&b->fetch->lock);
	atomic_store(&b->wanted, UINT64_MAX);
	pthread_cond_broadcast(&b->changed);
	pthread_mutex_unlock(&b->fetch->lock);
}

static void set_state(struct fetch_blob *b, enum fetch_state state)
{
	pthread_mutex_lock(&b->fetch->lock);
	b->state = state;
	atomic_store(&b->wanted, UINT64_MAX);
	pthread_cond_broadcast(&b->changed);
	pthread_mutex_unlock(&b->fetch->lock);
}

/* A step of the transfer ended with R: keep on, publish, or give up. */
static void settle(struct fetch_blob *b, int r, struct error *err)
{
	if (r == 0)
		return;
	if (r > 0)
		blob_keeper_put(b->fetch->keeper, &b->spool);
	else
		error_move(&b->error, err);
	transfer_cleanup(b);
	set_state(b, r > 0 ? FETCH_DONE : FETCH_FAILED);
}

/* Open the spool; readers may have come already, so they get the descriptor under the lock. */
static int open_spool(struct fetch_blob *b, struct error *err)
{
	if (blob_begin(&b->spool, b->fetch->cache_path, b->digest, err) < 0)
		return -1;
	int fd = fcntl(b->spool.fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return error_errno(err, "cannot write layer %s", b->digest);
	pthread_mutex_lock(&b->fetch->lock);
	b->fd = fd;
	pthread_mutex_unlock(&b->fetch->lock);
	return 0;
}

static void start_blob(struct fetch_blob *b)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	int r = open_spool(b, &err);
	if (r == 0)
		r = transfer_begin(b, &err);
	settle(b, r, &err);
}

static void resume_blob(struct fetch_blob *b)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	settle(b, transfer_resume(b, &err), &err);
}

/* The next blob to act on: one whose wait is over, or a queued one where a connection is free. */
struct due {
	struct fetch_blob *blob;
	bool is_new;
};

static struct due next_due(struct fetch *f, int64_t now, int64_t *next_ms)
{
	struct due found = { NULL, false };
	unsigned running = 0;
	struct fetch_blob *queued = NULL;
	*next_ms = now + POLL_MAX_MS;
	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->count; i++) {
		struct fetch_blob *b = f->blobs[i];
		running += b->state == FETCH_RUNNING;
		if (b->state == FETCH_QUEUED && queued == NULL)
			queued = b;
		if (b->state != FETCH_RUNNING || b->is_active)
			continue;
		if (b->due_ms <= now)
			found.blob = b;
		else
			*next_ms = MIN(*next_ms, b->due_ms);
	}
	if (found.blob == NULL && queued != NULL && running < f->max_connections) {
		queued->state = FETCH_RUNNING;
		found = (struct due){ queued, true };
	}
	pthread_mutex_unlock(&f->lock);
	return found;
}

static void start_due(struct fetch *f, int64_t *next_ms)
{
	for (;;) {
		struct due due = next_due(f, fetch_now_ms(), next_ms);
		if (due.blob == NULL)
			return;
		if (due.is_new)
			start_blob(due.blob);
		else
			resume_blob(due.blob);
	}
}

static void handle_ended(struct fetch *f)
{
	int left;
	CURLMsg *message;
	while ((message = curl_multi_info_read(f->multi, &left)) != NULL) {
		if (message->msg != CURLMSG_DONE)
			continue;
		struct fetch_blob *b = NULL;
		CURLcode result = message->data.result;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &b);
		_cleanup_error_ struct error err = ERROR_INIT;
		int r = transfer_ended(b, result, &err);
		settle(b, r, &err);
	}
}

static void fail_all(struct fetch *f)
{
	for (size_t i = 0;; i++) {
		pthread_mutex_lock(&f->lock);
		struct fetch_blob *b = i < f->count ? f->blobs[i] : NULL;
		pthread_mutex_unlock(&f->lock);
		if (b == NULL)
			break;
		if (b->state != FETCH_QUEUED && b->state != FETCH_RUNNING)
			continue;
		_cleanup_error_ struct error err = ERROR_INIT;
		if (interrupt_check(&err) == 0)
			error_set(&err, ECANCELED, "the transfer was given up");
		settle(b, -1, &err);
	}
}

static bool is_closing(struct fetch *f)
{
	pthread_mutex_lock(&f->lock);
	bool closing = f->is_closing || interrupt_requested();
	pthread_mutex_unlock(&f->lock);
	return closing;
}

static void *run(void *fetch)
{
	struct fetch *f = fetch;
	while (!is_closing(f)) {
		int64_t next_ms;
		int running;
		start_due(f, &next_ms);
		curl_multi_perform(f->multi, &running);
		handle_ended(f);
		start_due(f, &next_ms);
		int64_t wait = MAX(next_ms - fetch_now_ms(), 0);
		curl_multi_poll(f->multi, NULL, 0, (int)MIN(wait, POLL_MAX_MS), NULL);
	}
	fail_all(f);
	return NULL;
}

static void free_blob(struct fetch_blob *b)
{
	transfer_cleanup(b);
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
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&b->changed, &attr);
	pthread_condattr_destroy(&attr);
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
		int r = pthread_create(&f->thread, NULL, run, f);
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
static int wait_for(struct fetch_blob *b, uint64_t until, struct error *err)
{
	while (b->state == FETCH_QUEUED || b->state == FETCH_RUNNING) {
		if (interrupt_check(err) < 0)
			return -1;
		if (until < atomic_load(&b->wanted))
			atomic_store(&b->wanted, until);
		if (atomic_load(&b->arrived) >= until && until < b->size)
			return 0; /* the last bytes are given out only when they proved right */
		struct timespec deadline;
		clock_gettime(CLOCK_MONOTONIC, &deadline);
		deadline.tv_nsec += POLL_MAX_MS * 1000000L / 2;
		if (deadline.tv_nsec >= 1000000000L) {
			deadline.tv_nsec -= 1000000000L;
			deadline.tv_sec++;
		}
		pthread_cond_timedwait(&b->changed, &b->fetch->lock, &deadline);
	}
	return b->state == FETCH_FAILED ? copy_error(err, &b->error) : 0;
}

int fetch_read(struct fetch_blob *b, uint64_t offset, void *buf, size_t len, size_t *got, struct error *err)
{
	*got = 0;
	uint64_t need = MIN(b->size, offset + MIN(len, READ_AHEAD));
	if (need == b->size || atomic_load(&b->arrived) < need) {
		pthread_mutex_lock(&b->fetch->lock);
		int r = wait_for(b, MIN(b->size, offset + READ_AHEAD), err);
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
