#include "store/blob_keeper.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "base/interrupt.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/blob.h"

struct job {
	struct job *next;
	struct publish file;    /* a whole blob, or */
	struct work_lock *lock; /* of that blob, or NULL */
	int fd;                 /* a part of one to be written out */
	uint64_t offset, length;
};

struct blob_keeper {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t thread;
	bool is_running, is_closing;
	struct job *first, **last;
};

struct blob_keeper *blob_keeper_new(void)
{
	struct blob_keeper *k = xcalloc(1, sizeof(*k));
	pthread_mutex_init(&k->lock, NULL);
	pthread_cond_init(&k->wake, NULL);
	k->last = &k->first;
	return k;
}

static struct job *take_job(struct blob_keeper *k)
{
	pthread_mutex_lock(&k->lock);
	while (k->first == NULL && !k->is_closing)
		pthread_cond_wait(&k->wake, &k->lock);
	struct job *job = k->first;
	if (job != NULL)
		k->first = job->next;
	if (k->first == NULL)
		k->last = &k->first;
	pthread_mutex_unlock(&k->lock);
	return job;
}

static void publish_blob(struct publish *file, struct work_lock *lock)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	if (lock != NULL)
		work_lock_touch(lock);
	if (!interrupt_requested() && blob_commit(file, &err) < 0)
		log_warn("Cannot keep a layer in the cache: %s", err.message);
	publish_abort(file);
	work_lock_free(lock);
}

static void *keep(void *keeper)
{
	struct job *job;
	while ((job = take_job(keeper)) != NULL) {
		if (job->fd >= 0) {
			(void)sync_file_range(
				job->fd, (off_t)job->offset, (off_t)job->length, SYNC_FILE_RANGE_WRITE);
			close(job->fd);
		} else {
			publish_blob(&job->file, job->lock);
		}
		free(job);
	}
	return NULL;
}

/* The thread begins with the first job: a warm cache needs none. Without a thread the job waits for the end. */
static void add_job(struct blob_keeper *k, struct job *job)
{
	pthread_mutex_lock(&k->lock);
	*k->last = job;
	k->last = &job->next;
	if (!k->is_running)
		k->is_running = pthread_create(&k->thread, NULL, keep, k) == 0;
	pthread_cond_signal(&k->wake);
	pthread_mutex_unlock(&k->lock);
}

void blob_keeper_put(struct blob_keeper *k, struct publish *p, struct work_lock *lock)
{
	struct job *job = xcalloc(1, sizeof(*job));
	job->file = *p;
	job->lock = lock;
	job->fd = -1;
	*p = PUBLISH_INIT;
	add_job(k, job);
}

void blob_keeper_write_out(struct blob_keeper *k, int fd, uint64_t offset, uint64_t length)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (copy < 0)
		return;
	struct job *job = xcalloc(1, sizeof(*job));
	*job = (struct job){ .file = PUBLISH_INIT, .fd = copy, .offset = offset, .length = length };
	add_job(k, job);
}

void blob_keeper_free(struct blob_keeper *k)
{
	if (k == NULL)
		return;
	pthread_mutex_lock(&k->lock);
	k->is_closing = true;
	pthread_cond_signal(&k->wake);
	pthread_mutex_unlock(&k->lock);
	if (k->is_running)
		pthread_join(k->thread, NULL);
	else
		keep(k);
	pthread_mutex_destroy(&k->lock);
	pthread_cond_destroy(&k->wake);
	free(k);
}
