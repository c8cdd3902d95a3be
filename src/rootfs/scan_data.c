/*
 * rootfs/scan_data.c - file data on their way to the sink, in the order of the scan
 *
 * What is in the page cache is read and fed at once. What is not goes to a few threads that wait for the disk, while
 * the scan runs ahead by a window of files.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/memory.h"
#include "rootfs/scan_private.h"

#define STREAM_BYTES (512u * 1024)
#define AHEAD_BYTES  (4 * 1024 * 1024)

static int fail(struct scan *s, uint32_t node, struct error *err)
{
	int code = errno;
	_cleanup_free_ char *name = tree_path(s->tree, node);
	errno = code;
	return error_errno(err, "cannot read %s/%s", s->path, name);
}

/* ---- the threads ---- */

static void *reader_main(void *arg)
{
	struct scan *s = arg;
	struct scan_job *job;
	while ((job = queue_pop(s->readers.queue)) != NULL) {
		ssize_t n = fd_pread_full(job->fd, job->data, job->size, 0);
		int code = errno;
		pthread_mutex_lock(&s->readers.lock);
		job->len = n > 0 ? (size_t)n : 0;
		job->failure = n < 0 ? code : 0;
		job->ready = true;
		pthread_cond_signal(&s->readers.done);
		pthread_mutex_unlock(&s->readers.lock);
	}
	return NULL;
}

static bool start_readers(struct scan *s)
{
	struct scan_readers *r = &s->readers;
	if (r->queue != NULL)
		return r->count != 0;
	r->queue = queue_new(WINDOW);
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->done, NULL);
	while (r->count < READER_COUNT && pthread_create(&r->threads[r->count], NULL, reader_main, s) == 0)
		r->count++;
	return r->count != 0;
}

static bool is_ready(struct scan *s, const struct scan_job *job, bool wait)
{
	struct scan_readers *r = &s->readers;
	if (r->queue == NULL)
		return true;
	pthread_mutex_lock(&r->lock);
	while (wait && !job->ready)
		pthread_cond_wait(&r->done, &r->lock);
	bool ready = job->ready;
	pthread_mutex_unlock(&r->lock);
	return ready;
}

void scan_data_cleanup(struct scan *s)
{
	struct scan_readers *r = &s->readers;
	if (r->queue != NULL) {
		queue_abort(r->queue);
		for (unsigned i = 0; i < r->count; i++)
			pthread_join(r->threads[i], NULL);
		queue_free(r->queue);
		pthread_mutex_destroy(&r->lock);
		pthread_cond_destroy(&r->done);
	}
	for (unsigned i = 0; i < WINDOW; i++) {
		if (s->jobs[i].fd >= 0)
			close(s->jobs[i].fd);
		free(s->jobs[i].data);
	}
	free(s->stream);
}

/* ---- feeding ---- */

/* A file that shrank while we read it: zeros, as its readers would have seen. */
static int feed_missing(struct scan *s, const struct scan_job *job, uint64_t missing, struct error *err)
{
	_cleanup_free_ char *name = tree_path(s->tree, job->node);
	log_warn("%s/%s became shorter while it was read", s->path, name);
	return s->sink->file_hole(s->sink->ctx, missing, err);
}

static int stream_range(
	struct scan *s, const struct scan_job *job, uint64_t at, uint64_t end, struct error *err)
{
	if (s->stream == NULL)
		s->stream = xmalloc(STREAM_BYTES);
	while (at < end) {
		if (interrupt_check(err) < 0)
			return -1;
		size_t want = (size_t)MIN(end - at, (uint64_t)STREAM_BYTES);
		ssize_t n = fd_pread_full(job->fd, s->stream, want, at);
		if (n < 0)
			return fail(s, job->node, err);
		if (n > 0 && s->sink->file_data(s->sink->ctx, s->stream, (size_t)n, err) < 0)
			return -1;
		if ((size_t)n < want)
			return feed_missing(s, job, end - at - (uint64_t)n, err);
		at += (uint64_t)n;
	}
	return 0;
}

/* Data and holes in turn, as lseek(2) tells. */
static int stream_sparse(struct scan *s, const struct scan_job *job, struct error *err)
{
	uint64_t at = 0;
	while (at < job->size) {
		off_t data = lseek(job->fd, (off_t)at, SEEK_DATA);
		if (data < 0 && errno != ENXIO) /* not offered here */
			return stream_range(s, job, at, job->size, err);
		uint64_t begin = data < 0 ? job->size : MIN((uint64_t)data, job->size);
		if (begin > at && s->sink->file_hole(s->sink->ctx, begin - at, err) < 0)
			return -1;
		if (begin == job->size)
			break;
		off_t hole = lseek(job->fd, (off_t)begin, SEEK_HOLE);
		uint64_t end = hole < 0 ? job->size : MIN((uint64_t)hole, job->size);
		if (end <= begin)
			end = job->size;
		if (stream_range(s, job, begin, end, err) < 0)
			return -1;
		at = end;
	}
	return 0;
}

static int feed_data(struct scan *s, const struct scan_job *job, struct error *err)
{
	if (!job->whole)
		return job->sparse ? stream_sparse(s, job, err) : stream_range(s, job, 0, job->size, err);
	if (job->failure != 0) {
		errno = job->failure;
		return fail(s, job->node, err);
	}
	if (job->len != 0 && s->sink->file_data(s->sink->ctx, job->data, job->len, err) < 0)
		return -1;
	return job->len < job->size ? feed_missing(s, job, job->size - job->len, err) : 0;
}

static int feed(struct scan *s, struct scan_job *job, struct error *err)
{
	uint32_t id;
	const struct scan_sink *sink = s->sink;
	if (sink->file_begin(sink->ctx, s->tree, job->node, job->size, err) < 0 ||
		feed_data(s, job, err) < 0 || sink->file_end(sink->ctx, &id, err) < 0)
		return -1;
	tree_node(s->tree, job->node)->data = id;
	progress_add(sink->progress, job->size);
	progress_add_entry(sink->progress);
	if (job->fd >= 0)
		close(job->fd);
	job->fd = -1;
	return 0;
}

/* Feed from the front: what is ready, and until at most KEEP are left. */
static int feed_front(struct scan *s, unsigned keep, struct error *err)
{
	while (s->job_count > 0) {
		struct scan_job *job = &s->jobs[s->first];
		if (!is_ready(s, job, s->job_count > keep))
			return 0;
		if (feed(s, job, err) < 0)
			return -1;
		s->first = (s->first + 1) % WINDOW;
		s->job_count--;
	}
	return 0;
}

/* Read what is in the page cache; all of it must be. */
static bool read_cached(struct scan_job *job)
{
	struct iovec iov = { .iov_base = job->data, .iov_len = job->size };
	ssize_t n = preadv2(job->fd, &iov, 1, 0, RWF_NOWAIT);
	if (n < 0 || (uint64_t)n != job->size)
		return false;
	job->len = (size_t)n;
	return true;
}

static int start_job(struct scan *s, struct scan_job *job, struct error *err)
{
	job->ready = true;
	if (!job->whole) {
		(void)posix_fadvise(job->fd, 0, AHEAD_BYTES, POSIX_FADV_WILLNEED);
		return 0;
	}
	grow_array(&job->data, &job->capacity, job->size);
	if (job->size == 0 || (!s->in_memory && read_cached(job)))
		return 0;
	if (!s->in_memory && start_readers(s)) {
		job->ready = false; /* not yet the threads' */
		(void)queue_push(s->readers.queue, job);
		return 0;
	}
	ssize_t n = fd_pread_full(job->fd, job->data, job->size, 0);
	if (n < 0)
		return fail(s, job->node, err);
	job->len = (size_t)n;
	return 0;
}

int scan_data_add(struct scan *s, uint32_t node, int fd, const struct statx *st, struct error *err)
{
	struct scan_job *job = &s->jobs[(s->first + s->job_count++) % WINDOW];
	job->node = node;
	job->fd = fd;
	job->size = st->stx_size;
	job->sparse = st->stx_blocks < st->stx_size / 512;
	job->whole = st->stx_size <= SMALL_FILE && !job->sparse;
	job->len = 0;
	job->failure = 0;
	if (start_job(s, job, err) < 0)
		return -1;
	return feed_front(s, WINDOW - 1, err);
}

int scan_data_drain(struct scan *s, struct error *err)
{
	return feed_front(s, 0, err);
}
