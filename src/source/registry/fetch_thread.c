/* The thread that drives all transfers: whose turn it is, and what becomes of what has ended. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/memory.h"
#include "source/registry/fetch_private.h"
#include "store/blob.h"

#define POLL_MAX_MS        500 /* how long a signal may go unnoticed */
#define POLL_LOCK_FIRST_MS 50  /* looking whether another process has it */
#define POLL_LOCK_LAST_MS  1000
#define TOUCH_MS           5000
#define SLOW_SEGMENT_MS    150 /* a segment that takes longer is worth another connection */

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

static void fail(struct fetch_blob *b, struct error *err)
{
	error_move(&b->error, err);
	fetch_blob_cleanup(b);
	set_state(b, FETCH_FAILED);
}

/* All segments are there. */
static void finish(struct fetch_blob *b)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	if (fetch_blob_check(b, &err) < 0) {
		fail(b, &err);
		return;
	}
	blob_keeper_put(b->fetch->keeper, &b->spool, steal_pointer(&b->lock));
	fetch_blob_cleanup(b);
	set_state(b, FETCH_DONE);
}

/* A connection has done its segment: on with the next one, or that was all. */
static void segment_done(struct transfer *t)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct fetch_blob *b = t->blob;
	b->is_slow = clock_ms() - t->started_ms > SLOW_SEGMENT_MS;
	if (fetch_blob_assign(b, t)) {
		if (transfer_resume(t, &err) < 0)
			fail(b, &err);
		return;
	}
	transfer_free(t);
	if (b->transfers == NULL)
		finish(b);
}

/* Another connection for a blob, its first one too. */
static void add_transfer(struct fetch_blob *b)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct transfer *t = transfer_new(b);
	if (!fetch_blob_assign(b, t))
		transfer_free(t);
	else if (transfer_resume(t, &err) < 0)
		fail(b, &err);
}

/* Another process fetches it: look again soon, and less often as time goes by. */
static void wait_for_other(struct fetch_blob *b)
{
	bool is_first_long = b->poll_interval_ms < POLL_LOCK_LAST_MS;
	b->poll_interval_ms = MIN(MAX(b->poll_interval_ms * 2, POLL_LOCK_FIRST_MS), POLL_LOCK_LAST_MS);
	if (is_first_long && b->poll_interval_ms == POLL_LOCK_LAST_MS)
		log_info("Waiting for layer %s from %s", b->digest, work_lock_holder(b->lock));
	b->poll_ms = clock_ms() + b->poll_interval_ms;
	pthread_mutex_lock(&b->fetch->lock);
	b->state = FETCH_WAITING;
	pthread_mutex_unlock(&b->fetch->lock);
}

/* It is a blob's turn; somebody else may have it already, or be about to. */
static void start_blob(struct fetch_blob *b)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	if (fetch_blob_adopt(b))
		return;
	if (b->lock == NULL)
		b->lock = blob_lock(b->fetch->cache_path, b->digest);
	if (work_lock_try(b->lock) == WORK_LOCK_BUSY) {
		wait_for_other(b);
		return;
	}
	if (fetch_blob_adopt(b)) /* published before its lock was released */
		return;
	if (fetch_blob_begin(b, &err) < 0)
		fail(b, &err);
	else
		add_transfer(b);
}

static void hash_adopted(struct fetch_blob *b)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	int r = fetch_blob_hash(b, &err);
	if (r < 0) {
		fail(b, &err);
	} else if (r > 0) {
		fetch_blob_cleanup(b);
		set_state(b, FETCH_DONE);
	}
}

static void resume_transfer(struct transfer *t)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	if (transfer_resume(t, &err) < 0)
		fail(t->blob, &err);
}

/* A transfer of B whose wait is over; *NEXT_MS becomes the time of the next one at the latest. */
static struct transfer *find_due(struct fetch_blob *b, int64_t now, int64_t *next_ms)
{
	for (struct transfer *t = b->transfers; t != NULL; t = t->next) {
		if (t->is_active)
			continue;
		if (t->due_ms <= now)
			return t;
		*next_ms = MIN(*next_ms, t->due_ms);
	}
	return NULL;
}

/* Is B slow and has it more segments? *NEXT_MS becomes when that can be told, at the latest. */
static bool wants_help(struct fetch_blob *b, int64_t now, int64_t *next_ms)
{
	if (b->next_start == b->size)
		return false;
	for (const struct transfer *t = b->transfers; t != NULL && !b->is_slow; t = t->next) {
		int64_t late_ms = t->started_ms + SLOW_SEGMENT_MS;
		if (!t->has_begun || t->answer.status != 206)
			continue;           /* does the server know ranges at all? */
		b->is_slow = late_ms < now; /* no need to wait for its end */
		if (!b->is_slow)
			*next_ms = MIN(*next_ms, late_ms + 1);
	}
	return b->is_slow;
}

/* What could be done next: resume a transfer, begin a blob, or share a slow one among more connections. */
struct work {
	struct transfer *due;
	struct fetch_blob *queued, *slow;
};

static struct work find_work(struct fetch *f, int64_t *next_ms)
{
	struct work w = { 0 };
	int64_t now = clock_ms();
	*next_ms = now + POLL_MAX_MS;
	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->count && w.due == NULL; i++) {
		struct fetch_blob *b = f->blobs[i];
		if (b->state == FETCH_QUEUED && w.queued == NULL)
			w.queued = b;
		if (b->state == FETCH_WAITING && b->poll_ms <= now)
			w.queued = b; /* a poll: it needs no connection unless it gets the lock */
		else if (b->state == FETCH_WAITING)
			*next_ms = MIN(*next_ms, b->poll_ms);
		if (b->state != FETCH_RUNNING)
			continue;
		w.due = find_due(b, now, next_ms);
		if (w.slow == NULL && wants_help(b, now, next_ms))
			w.slow = b;
	}
	bool has_room = f->transfer_count < f->max_connections;
	if (w.due == NULL && w.queued != NULL && has_room)
		w.queued->state = FETCH_RUNNING;
	else
		w.queued = NULL;
	if (!has_room)
		w.slow = NULL;
	pthread_mutex_unlock(&f->lock);
	return w;
}

static struct fetch_blob *find_adopted(struct fetch *f)
{
	struct fetch_blob *found = NULL;
	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->count && found == NULL; i++)
		if (f->blobs[i]->state == FETCH_ADOPTED)
			found = f->blobs[i];
	pthread_mutex_unlock(&f->lock);
	return found;
}

/* Other processes see that we are still at it. */
static void touch_locks(struct fetch *f)
{
	int64_t now = clock_ms();
	if (now - f->touched_ms < TOUCH_MS)
		return;
	f->touched_ms = now;
	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->count; i++)
		if (f->blobs[i]->state == FETCH_RUNNING && f->blobs[i]->lock != NULL)
			work_lock_touch(f->blobs[i]->lock);
	pthread_mutex_unlock(&f->lock);
}

static void do_work(struct fetch *f, int64_t *next_ms)
{
	touch_locks(f);
	for (;;) {
		struct work w = find_work(f, next_ms);
		if (w.due != NULL)
			resume_transfer(w.due);
		else if (w.queued != NULL)
			start_blob(w.queued);
		else if (w.slow != NULL)
			add_transfer(w.slow);
		else
			return;
	}
}

static void handle_ended(struct fetch *f)
{
	int left;
	CURLMsg *message;
	while ((message = curl_multi_info_read(f->multi, &left)) != NULL) {
		if (message->msg != CURLMSG_DONE)
			continue;
		struct transfer *t = NULL;
		CURLcode result = message->data.result;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t);
		_cleanup_error_ struct error err = ERROR_INIT;
		int r = transfer_ended(t, result, &err);
		if (r > 0)
			segment_done(t);
		else if (r < 0)
			fail(t->blob, &err);
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
		if (fetch_is_over(b))
			continue;
		_cleanup_error_ struct error err = ERROR_INIT;
		if (interrupt_check(&err) == 0)
			error_set(&err, ECANCELED, "the transfer was given up");
		fail(b, &err);
	}
}

static bool is_closing(struct fetch *f)
{
	pthread_mutex_lock(&f->lock);
	bool closing = f->is_closing || interrupt_requested();
	pthread_mutex_unlock(&f->lock);
	return closing;
}

void *fetch_run(void *fetch)
{
	struct fetch *f = fetch;
	while (!is_closing(f)) {
		int64_t next_ms;
		int running;
		do_work(f, &next_ms);
		curl_multi_perform(f->multi, &running);
		handle_ended(f);
		do_work(f, &next_ms);
		struct fetch_blob *adopted = find_adopted(f);
		if (adopted != NULL) {
			hash_adopted(adopted);
			continue;
		}
		int64_t wait = MAX(next_ms - clock_ms(), 0);
		curl_multi_poll(f->multi, NULL, 0, (int)MIN(wait, POLL_MAX_MS), NULL);
	}
	fail_all(f);
	return NULL;
}
