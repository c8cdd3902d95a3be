#include <endian.h>
#include <string.h>

#include "squashfs/writer_private.h"

struct sqfs_codec *writer_codec_new(void *context, struct error *err)
{
	const struct sqfs_options *o = &((struct sqfs_writer *)context)->options;
	return sqfs_encoder_new(o->compression, o->level, o->block_size, err);
}

static bool all_zero(const uint8_t *p, size_t len)
{
	return p[0] == 0 && memcmp(p, p + 1, len - 1) == 0;
}

/* Any thread: compress one block. */
void writer_process(void *context, struct sqfs_codec *codec, struct job *job)
{
	const struct sqfs_writer *w = context;
	bool is_block = job->kind == JOB_BLOCK;
	job->data_len = job->word = 0;
	if (job->kind == JOB_END || (is_block && all_zero(job->in, job->in_len)))
		return;

	bool plain = is_block ? w->options.plain_data : w->options.plain_fragments;
	size_t n = plain ? 0 : sqfs_encode(codec, job->in, job->in_len, job->out);
	job->data = n != 0 ? job->out : job->in;
	job->data_len = n != 0 ? (uint32_t)n : job->in_len;
	job->word = job->data_len | (n != 0 ? 0 : SQFS_BLOCK_STORED);
	if (is_block && !w->options.no_duplicates)
		job->hash = hash_hint(&w->secrets, job->data, job->data_len);
}

/* With the lock. Do two files consist of blocks of the same sizes? *BYTES becomes their sum. */
static bool same_block_sizes(const struct sqfs_writer *w, const struct data_record *a,
	const struct data_record *b, uint32_t end, uint64_t *bytes)
{
	uint32_t count = end - b->at;
	if (a->size_lo != b->size_lo || memcmp(w->blocks + a->at, w->blocks + b->at, 4ull * count) != 0)
		return false;
	*bytes = 0;
	for (uint32_t i = b->at; i < end; i++)
		*bytes += le32toh(w->blocks[i]) & SQFS_BLOCK_SIZE_MASK;
	return true;
}

/*
 * All blocks of a file are written: if they are what an earlier file has, take them back. The hash only
 * proposes; equal compressed bytes decide.
 */
static int find_duplicate(struct sqfs_writer *w, const struct job *last, uint32_t end, struct error *err)
{
	pthread_mutex_t *lock = &w->pipeline.lock;
	pthread_mutex_lock(lock);
	struct data_record record = w->records[last->file];
	pthread_mutex_unlock(lock);

	struct dedup_key key = { w->commit.hash, (uint64_t)(end - record.at) << 32 | record.size_lo };
	uint32_t other = dedup_find(&w->large_files, key);
	if (other == DEDUP_NONE) {
		dedup_insert(&w->large_files, key, last->file);
		return 0;
	}

	uint64_t bytes;
	pthread_mutex_lock(lock);
	struct data_record earlier = w->records[other];
	bool same = same_block_sizes(w, &earlier, &record, end, &bytes);
	pthread_mutex_unlock(lock);
	if (!same)
		return 0;
	int r = output_same(&w->out, earlier.start, w->commit.start, bytes, err);
	if (r <= 0)
		return r;
	output_rewind(&w->out, w->commit.start);
	pthread_mutex_lock(lock);
	w->records[last->file] = earlier;
	pthread_mutex_unlock(lock);
	return 0;
}

static int commit_block(struct sqfs_writer *w, const struct job *job, struct error *err)
{
	if (!w->commit.is_open) {
		w->commit.is_open = true;
		w->commit.start = w->out.pos;
		w->commit.hash = 0;
	}
	if (output_append(&w->out, job->data, job->data_len, err) < 0)
		return -1;
	if (job->data_len != 0)
		w->commit.hash = (w->commit.hash ^ job->hash) * 0x9e3779b97f4a7c15u;

	pthread_mutex_lock(&w->pipeline.lock);
	if (job->kind == JOB_BLOCK)
		w->blocks[job->index] = htole32(job->word);
	if (job->is_last)
		w->records[job->file].start = w->commit.start;
	pthread_mutex_unlock(&w->pipeline.lock);
	if (!job->is_last)
		return 0;

	w->commit.is_open = false;
	if (w->options.no_duplicates)
		return 0;
	return find_duplicate(w, job, job->index + (job->kind == JOB_BLOCK), err);
}

static int commit_fragment(struct sqfs_writer *w, const struct job *job, struct error *err)
{
	struct sqfs_fragment fragment = { .start = htole64(w->out.pos), .size = htole32(job->word) };
	if (output_append(&w->out, job->data, job->data_len, err) < 0)
		return -1;
	pthread_mutex_lock(&w->pipeline.lock);
	w->fragments[job->index] = fragment;
	pthread_mutex_unlock(&w->pipeline.lock);
	return 0;
}

/* One thread at a time, in the order of submission. */
int writer_commit(void *context, struct job *job, struct error *err)
{
	return job->kind == JOB_FRAGMENT ? commit_fragment(context, job, err)
					 : commit_block(context, job, err);
}
