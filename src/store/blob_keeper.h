/*
 * store/blob_keeper.h - a thread that makes blobs durable, so that nobody else has to wait for a disk
 */
#pragma once

#include <stdint.h>

#include "base/publish.h"
#include "store/work_lock.h"

struct blob_keeper;

struct blob_keeper *blob_keeper_new(void);

/* Publish what was written to P, which is empty afterwards, and then release LOCK, taken over (NULL: none). A failure is
 * only a warning: the bytes were good, and the next one fetches them again. */
void blob_keeper_put(struct blob_keeper *k, struct publish *p, struct work_lock *lock);

/* Start writing out LENGTH bytes of FD from OFFSET, so that the sync at the end is short. */
void blob_keeper_write_out(struct blob_keeper *k, int fd, uint64_t offset, uint64_t length);

/* Wait until all is published (or dropped, if the program was asked to end). */
void blob_keeper_free(struct blob_keeper *k);
