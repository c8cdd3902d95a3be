#include "squashfs/writer_pipeline.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/interrupt.h"
#include "base/memory.h"

#define MEMORY     (48ull * 1024 * 1024) /* bytes for all jobs: few with large blocks, whatever the threads */
#define STACK_SIZE (256u * 1024)

void pipeline_init(struct pipeline *p)
{
	unsigned most = (unsigned)(MEMORY / (2ull * p->block_size));
	p->job_count = MIN(2 * p->max_workers + 6, most);
	p->max_workers = MIN(p->max_workers, p->job_count - 2);
	p->jobs = xcalloc(p->job_count, sizeof(*p->jobs));
	p->workers = xcalloc(p->max_workers, sizeof(*p->workers));
	for (unsigned i = 0; i < p->job_count; i++) {
		p->jobs[i].in = xmalloc(p->block_size);
		p->jobs[i].out = xmalloc(p->block_size);
	}
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work, NULL);
	pthread_cond_init(&p->room, NULL);
}

static void stop(struct pipeline *p)
{
	pthread_mutex_lock(&p->lock);
	p->is_stopping = true;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->worker_count; i++)
		pthread_join(p->workers[i], NULL);
	p->worker_count = 0;
}

void pipeline_cleanup(struct pipeline *p)
{
	if (p->jobs == NULL)
		return;
	stop(p);
	for (unsigned i = 0; i < p->job_count; i++) {
		free(p->jobs[i].in);
		free(p->jobs[i].out);
	}
	free(p->jobs);
	free(p->workers);
	error_clear(&p->error);
	pthread_cond_destroy(&p->room);
	pthread_cond_destroy(&p->work);
	pthread_mutex_destroy(&p->lock);
	*p = (struct pipeline){ 0 };
}

/* With the lock. The first failure is the one to report; everybody else gives up. */
static void fail(struct pipeline *p, struct error *err)
{
	if (!p->has_failed)
		error_move(&p->error, err);
	else
		error_clear(err);
	p->has_failed = true;
	pthread_cond_broadcast(&p->work);
	pthread_cond_broadcast(&p->room);
}

static unsigned jobs_free(const struct pipeline *p)
{
	return p->job_count - (unsigned)(p->submitted - p->committed);
}

/* A feeder that found the ring full is woken when a good part of it is free again, not for every job. */
static void wake_feeder(struct pipeline *p)
{
	if (p->feeder_waits && (jobs_free(p) >= (p->job_count + 3) / 4 || p->committed == p->submitted))
		pthread_cond_signal(&p->room);
}

/* With the lock, which is let go of while a job is committed. */
static void commit_ready(struct pipeline *p)
{
	if (p->is_committing)
		return;
	p->is_committing = true;
	while (!p->has_failed && p->committed < p->taken) {
		struct job *job = &p->jobs[p->committed % p->job_count];
		if (!job->is_done)
			break;
		struct error err = ERROR_INIT;
		pthread_mutex_unlock(&p->lock);
		int r = p->commit(p->context, job, &err);
		pthread_mutex_lock(&p->lock);
		if (r < 0) {
			fail(p, &err);
			break;
		}
		job->is_done = false;
		p->committed++;
		wake_feeder(p);
	}
	p->is_committing = false;
}

/* With the lock. NULL: time to go. */
static struct job *take(struct pipeline *p)
{
	while (p->taken == p->submitted && !p->is_stopping && !p->has_failed) {
		p->idle++;
		pthread_cond_wait(&p->work, &p->lock);
		p->idle--;
	}
	if (p->is_stopping || p->has_failed)
		return NULL;
	return &p->jobs[p->taken++ % p->job_count];
}

static void *work(void *arg)
{
	struct pipeline *p = arg;
	struct error err = ERROR_INIT;
	struct sqfs_codec *codec = p->codec_new(p->context, &err);
	pthread_mutex_lock(&p->lock);
	if (codec == NULL)
		fail(p, &err);
	struct job *job;
	while ((job = take(p)) != NULL) {
		pthread_mutex_unlock(&p->lock);
		p->process(p->context, codec, job);
		pthread_mutex_lock(&p->lock);
		job->is_done = true;
		commit_ready(p);
	}
	pthread_mutex_unlock(&p->lock);
	sqfs_codec_free(codec);
	return NULL;
}

/* Signals are for the thread that feeds: it is the one that unwinds. */
static int spawn(struct pipeline *p)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_attr_t attr;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	int r = pthread_create(&p->workers[p->worker_count], &attr, work, p);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (r == 0)
		p->worker_count++;
	return r;
}

/* With the lock. Passes the failure on once; what is asked afterwards is told only that there was one. */
static int report(struct pipeline *p, struct error *err)
{
	if (interrupt_check(err) < 0)
		return -1; /* the reason behind an EINTR */
	if (error_is_set(&p->error))
		return error_move(err, &p->error);
	return error_set(err, EIO, "writing the image has failed before");
}

struct job *pipeline_acquire(struct pipeline *p, struct error *err)
{
	if (interrupt_check(err) < 0)
		return NULL;
	struct job *job = NULL;
	pthread_mutex_lock(&p->lock);
	p->feeder_waits = true;
	while (jobs_free(p) == 0 && !p->has_failed)
		pthread_cond_wait(&p->room, &p->lock);
	p->feeder_waits = false;
	if (p->has_failed)
		report(p, err);
	else
		job = &p->jobs[p->submitted % p->job_count];
	pthread_mutex_unlock(&p->lock);
	return job;
}

/* Threads are started as work piles up: a small image needs few of many processors. */
int pipeline_submit(struct pipeline *p, struct error *err)
{
	int r = 0;
	pthread_mutex_lock(&p->lock);
	p->submitted++;
	if (p->idle != 0) {
		pthread_cond_signal(&p->work);
	} else if (p->worker_count < p->max_workers && p->submitted - p->taken > (p->worker_count != 0)) {
		errno = spawn(p);
		if (errno != 0 && p->worker_count == 0)
			r = error_errno(err, "cannot start a thread");
	}
	pthread_mutex_unlock(&p->lock);
	return r;
}

int pipeline_drain(struct pipeline *p, struct error *err)
{
	int r = 0;
	pthread_mutex_lock(&p->lock);
	p->feeder_waits = true;
	while (p->committed != p->submitted && !p->has_failed)
		pthread_cond_wait(&p->room, &p->lock);
	p->feeder_waits = false;
	if (p->has_failed)
		r = report(p, err);
	pthread_mutex_unlock(&p->lock);
	return r;
}
