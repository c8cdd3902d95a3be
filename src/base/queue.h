/*
 * base/queue.h - a bounded queue of pointers between threads
 *
 * Any number of producers and consumers. Closing says that no more will come; aborting wakes everybody and
 * makes every later call fail, which is how a pipeline is torn down after an error.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct queue;

struct queue *queue_new(size_t capacity);
void queue_free(struct queue *q); /* what is still inside is the caller's business: drain it first */

/* Wait for room, then append. false: the queue was aborted, ITEM is still the caller's. */
bool queue_push(struct queue *q, void *item);
/* Wait for an item. NULL: closed and empty, or aborted. */
void *queue_pop(struct queue *q);
/* An item if there is one now, else NULL. Works after an abort, for draining. */
void *queue_try_pop(struct queue *q);

void queue_close(struct queue *q);
void queue_abort(struct queue *q);
