/*
 * squashfs/writer_pipeline.h - blocks through worker threads, committed in order (private to the writer)
 *
 * A ring of jobs. The feeder acquires the next one, fills it and submits it; workers process jobs side by
 * side; whoever completes the oldest one commits it and those behind it that are ready. So commits come one at
 * a time and in the order of submission, and memory is what the ring holds.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "squashfs/codec.h"

enum job_kind {
	JOB_BLOCK,    /* a block of a file */
	JOB_FRAGMENT, /* a block of many small files */
	JOB_END,      /* no data: the file ended with a hole */
};

struct job {
	/* filled in by the feeder */
	enum job_kind kind;
	bool is_last;    /* of its file */
	uint8_t *in;     /* block_size bytes; may be exchanged for another such buffer */
	uint32_t in_len; /* bytes */
	uint32_t
		index; /* of the block in all blocks (JOB_END: one past its file's last), or of the fragment */
	uint32_t file;
	/* by the worker */
	uint8_t *out;
	const uint8_t *data; /* what to store: IN, OUT, or nothing */
	uint32_t data_len;
	uint32_t word; /* the size as it stands in an inode or in the fragment table */
	uint64_t hash; /* of DATA */
	bool is_done;
};

struct pipeline {
	uint32_t block_size;
	unsigned max_workers;
	void *context;
	struct sqfs_codec *(*codec_new)(void *context, struct error *err);
	void (*process)(void *context, struct sqfs_codec *codec, struct job *job);
	int (*commit)(void *context, struct job *job, struct error *err);

	pthread_mutex_t lock;
	pthread_cond_t work, room;
	struct job *jobs;
	unsigned job_count;
	uint64_t submitted, taken, committed; /* jobs so far */
	bool is_committing, is_stopping, has_failed, feeder_waits;
	struct error error; /* the first failure */
	unsigned worker_count, idle;
	pthread_t *workers;
};

/* The callbacks, CONTEXT, block_size and max_workers (at least 1) are set already. */
void pipeline_init(struct pipeline *p);
/* Stop the workers, drop what is not committed, free all. */
void pipeline_cleanup(struct pipeline *p);

/* The next job of the ring, to fill in; waits for room. NULL with ERR after a failure anywhere. */
struct job *pipeline_acquire(struct pipeline *p, struct error *err);
int pipeline_submit(struct pipeline *p, struct error *err);
/* Wait until all is committed. */
int pipeline_drain(struct pipeline *p, struct error *err);
