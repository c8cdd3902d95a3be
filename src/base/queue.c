#include "base/queue.h"

#include <pthread.h>

#include "base/memory.h"

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t not_empty, not_full;
	size_t capacity, count, head;
	bool closed, aborted;
	void *items[];
};

struct queue *queue_new(size_t capacity)
{
	struct queue *q = xmalloc(sizeof(*q) + capacity * sizeof(q->items[0]));
	*q = (struct queue){ .capacity = capacity };
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->not_empty, NULL);
	pthread_cond_init(&q->not_full, NULL);
	return q;
}

void queue_free(struct queue *q)
{
	if (q == NULL)
		return;
	pthread_mutex_destroy(&q->lock);
	pthread_cond_destroy(&q->not_empty);
	pthread_cond_destroy(&q->not_full);
	free(q);
}

bool queue_push(struct queue *q, void *item)
{
	pthread_mutex_lock(&q->lock);
	while (q->count == q->capacity && !q->aborted)
		pthread_cond_wait(&q->not_full, &q->lock);
	bool ok = !q->aborted;
	if (ok) {
		q->items[(q->head + q->count++) % q->capacity] = item;
		pthread_cond_signal(&q->not_empty);
	}
	pthread_mutex_unlock(&q->lock);
	return ok;
}

static void *take_first(struct queue *q)
{
	void *item = q->items[q->head];
	q->head = (q->head + 1) % q->capacity;
	q->count--;
	pthread_cond_signal(&q->not_full);
	return item;
}

void *queue_pop(struct queue *q)
{
	void *item = NULL;
	pthread_mutex_lock(&q->lock);
	while (q->count == 0 && !q->closed && !q->aborted)
		pthread_cond_wait(&q->not_empty, &q->lock);
	if (q->count != 0 && !q->aborted)
		item = take_first(q);
	pthread_mutex_unlock(&q->lock);
	return item;
}

void *queue_try_pop(struct queue *q)
{
	void *item = NULL;
	pthread_mutex_lock(&q->lock);
	if (q->count != 0)
		item = take_first(q);
	pthread_mutex_unlock(&q->lock);
	return item;
}

static void wake_all(struct queue *q, bool *flag)
{
	pthread_mutex_lock(&q->lock);
	*flag = true;
	pthread_cond_broadcast(&q->not_empty);
	pthread_cond_broadcast(&q->not_full);
	pthread_mutex_unlock(&q->lock);
}

void queue_close(struct queue *q)
{
	wake_all(q, &q->closed);
}

void queue_abort(struct queue *q)
{
	wake_all(q, &q->aborted);
}
