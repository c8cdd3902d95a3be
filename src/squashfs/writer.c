#include "squashfs/writer.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/interrupt.h"
#include "base/memory.h"
#include "base/processors.h"
#include "squashfs/writer_private.h"
#include "squashfs/writer_tables.h"

static uint32_t header_size(const struct sqfs_options *o)
{
	uint8_t block[64];
	size_t n = sqfs_codec_options(o->compression, o->level, o->block_size, block);
	return SQFS_SUPERBLOCK_SIZE + (n != 0 ? 2 + (uint32_t)n : 0);
}

struct sqfs_writer *sqfs_writer_new(
	int fd, uint64_t offset, const struct sqfs_options *options, struct error *err)
{
	/* Refuse here what a thread would find out later. */
	struct sqfs_codec *probe =
		sqfs_encoder_new(options->compression, options->level, options->block_size, err);
	if (probe == NULL)
		return NULL;
	sqfs_codec_free(probe);

	struct sqfs_writer *w = xcalloc(1, sizeof(*w));
	w->options = *options;
	w->header_size = header_size(options);
	output_init(&w->out, fd, offset, w->header_size);
	hash_secrets_init(&w->secrets);
	w->small = xmalloc(options->block_size);
	w->fragment = xmalloc(options->block_size);
	w->empty_id = DEDUP_NONE;
	dedup_init(&w->small_files);
	dedup_init(&w->large_files);
	w->pipeline.block_size = options->block_size;
	w->pipeline.max_workers = options->processors != 0 ? options->processors : processors_count();
	w->pipeline.context = w;
	w->pipeline.codec_new = writer_codec_new;
	w->pipeline.process = writer_process;
	w->pipeline.commit = writer_commit;
	pipeline_init(&w->pipeline);
	return w;
}

/* What only the data phase needs. */
static void end_data_phase(struct sqfs_writer *w)
{
	pipeline_cleanup(&w->pipeline);
	dedup_cleanup(&w->small_files);
	dedup_cleanup(&w->large_files);
	free(steal_pointer(&w->small));
	free(steal_pointer(&w->fragment));
}

void sqfs_writer_free(struct sqfs_writer *w)
{
	if (w == NULL)
		return;
	end_data_phase(w);
	output_cleanup(&w->out);
	free(w->records);
	free(w->blocks);
	free(w->fragments);
	free(w);
}

static int add_record(
	struct sqfs_writer *w, const struct data_record *record, uint32_t *id, struct error *err)
{
	if (w->record_count >= UINT32_MAX)
		return error_set(err, EOVERFLOW, "cannot write the image: too many files");
	pthread_mutex_lock(&w->pipeline.lock);
	grow_array(&w->records, &w->record_capacity, w->record_count + 1);
	*id = (uint32_t)w->record_count++;
	w->records[*id] = *record;
	pthread_mutex_unlock(&w->pipeline.lock);
	return 0;
}

/* COUNT more blocks, holes until they are committed. */
static int add_blocks(struct sqfs_writer *w, uint64_t count, struct error *err)
{
	if (count > BLOCKS_MAX - w->block_count)
		return error_set(err, EFBIG, "cannot write the image: more than %u blocks of %u bytes",
			BLOCKS_MAX, w->options.block_size);
	pthread_mutex_lock(&w->pipeline.lock);
	grow_array(&w->blocks, &w->block_capacity, w->block_count + (size_t)count);
	memset(w->blocks + w->block_count, 0, (size_t)count * sizeof(*w->blocks));
	w->block_count += (size_t)count;
	pthread_mutex_unlock(&w->pipeline.lock);
	return 0;
}

int sqfs_writer_file_begin(struct sqfs_writer *w, uint64_t size, struct error *err)
{
	if (w->file.is_open || w->small == NULL)
		return error_set(err, EINVAL, "cannot begin a file in the image now");
	if (interrupt_check(err) < 0)
		return -1;
	w->file.is_open = true;
	w->file.is_small = writer_is_small(w, size) || size == 0;
	w->file.size = w->file.left = size;
	w->file.id = DEDUP_NONE;
	w->file.filled = 0;
	w->file.ends_in_hole = false;
	w->file.job = NULL;
	if (w->file.is_small)
		return 0;
	struct data_record record = { .at = (uint32_t)w->block_count, .size_lo = (uint32_t)size };
	return add_record(w, &record, &w->file.id, err);
}

int writer_flush_fragment(struct sqfs_writer *w, struct error *err)
{
	if (w->fragment_used == 0)
		return 0;
	struct job *job = pipeline_acquire(&w->pipeline, err);
	if (job == NULL)
		return -1;
	uint8_t *full = w->fragment;
	w->fragment = job->in;
	job->in = full;
	job->kind = JOB_FRAGMENT;
	job->in_len = w->fragment_used;
	job->index = (uint32_t)w->fragment_count - 1;
	w->fragment_used = 0;
	return pipeline_submit(&w->pipeline, err);
}

static void open_fragment(struct sqfs_writer *w)
{
	pthread_mutex_lock(&w->pipeline.lock);
	grow_array(&w->fragments, &w->fragment_capacity, w->fragment_count + 1);
	w->fragments[w->fragment_count++] = (struct sqfs_fragment){ 0 };
	pthread_mutex_unlock(&w->pipeline.lock);
}

/* A whole small file at once: find it again, or put it into the fragment. */
static int store_small(struct sqfs_writer *w, const uint8_t *data, struct error *err)
{
	uint32_t size = (uint32_t)w->file.size;
	struct dedup_key key = { 0 };
	if (!w->options.no_duplicates) {
		key = hash_content(&w->secrets, data, size);
		w->file.id = dedup_find(&w->small_files, key);
		if (w->file.id != DEDUP_NONE && w->records[w->file.id].size_lo == size)
			return 0;
	}
	if (w->fragment_used + size > w->options.block_size && writer_flush_fragment(w, err) < 0)
		return -1;
	if (w->fragment_used == 0)
		open_fragment(w);
	memcpy(w->fragment + w->fragment_used, data, size);
	struct data_record record = {
		.start = w->fragment_count - 1, .at = w->fragment_used, .size_lo = size
	};
	w->fragment_used += size;
	if (add_record(w, &record, &w->file.id, err) < 0)
		return -1;
	if (!w->options.no_duplicates)
		dedup_insert(&w->small_files, key, w->file.id);
	return 0;
}

static int small_data(struct sqfs_writer *w, const uint8_t *data, size_t len, struct error *err)
{
	if (len == w->file.size)
		return store_small(w, data, err);
	if (data != NULL)
		memcpy(w->small + w->file.filled, data, len);
	else
		memset(w->small + w->file.filled, 0, len);
	w->file.filled += (uint32_t)len;
	return w->file.left == 0 ? store_small(w, w->small, err) : 0;
}

/* Room in the current block: where it is, and at most *LEN bytes of it. */
static uint8_t *block_room(struct sqfs_writer *w, size_t *len, struct error *err)
{
	if (w->file.job == NULL) {
		w->file.job = pipeline_acquire(&w->pipeline, err);
		if (w->file.job == NULL)
			return NULL;
		w->file.filled = 0;
	}
	*len = MIN(*len, w->options.block_size - w->file.filled);
	return w->file.job->in + w->file.filled;
}

/* LEN bytes were put into the room. */
static int block_filled(struct sqfs_writer *w, size_t len, struct error *err)
{
	w->file.filled += (uint32_t)len;
	w->file.left -= len;
	if (w->file.filled < w->options.block_size && w->file.left != 0)
		return 0;
	struct job *job = steal_pointer(&w->file.job);
	job->kind = JOB_BLOCK;
	job->in_len = w->file.filled;
	job->index = (uint32_t)w->block_count;
	job->file = w->file.id;
	job->is_last = w->file.left == 0;
	w->file.ends_in_hole = false;
	if (add_blocks(w, 1, err) < 0)
		return -1;
	return pipeline_submit(&w->pipeline, err);
}

static int too_long(struct sqfs_writer *w, uint64_t len, struct error *err)
{
	if (w->file.is_open && len <= w->file.left)
		return 0;
	return error_set(err, EINVAL, "the file is longer than the %llu bytes it was to have",
		(unsigned long long)w->file.size);
}

int sqfs_writer_file_data(struct sqfs_writer *w, const void *data, size_t len, struct error *err)
{
	const uint8_t *p = data;
	if (too_long(w, len, err) < 0)
		return -1;
	if (len == 0)
		return 0;
	if (w->file.is_small) {
		w->file.left -= len;
		return small_data(w, p, len, err);
	}
	while (len != 0) {
		size_t n = len;
		uint8_t *room = block_room(w, &n, err);
		if (room == NULL)
			return -1;
		memcpy(room, p, n);
		if (block_filled(w, n, err) < 0)
			return -1;
		p += n;
		len -= n;
	}
	return 0;
}

/* Whole blocks of zeros from here on need no job. */
static uint64_t hole_blocks(const struct sqfs_writer *w, uint64_t len, uint64_t *bytes)
{
	if (w->file.job != NULL)
		return *bytes = 0;
	uint64_t count = len == w->file.left ? writer_blocks_of(w, len) : len / w->options.block_size;
	*bytes = MIN(len, count * w->options.block_size);
	return count;
}

int sqfs_writer_file_hole(struct sqfs_writer *w, uint64_t len, struct error *err)
{
	if (too_long(w, len, err) < 0)
		return -1;
	if (len == 0)
		return 0;
	if (w->file.is_small) {
		w->file.left -= len;
		if (len == w->file.size)
			return store_small(w, memset(w->small, 0, len), err);
		return small_data(w, NULL, (size_t)len, err);
	}
	while (len != 0) {
		uint64_t bytes, count = hole_blocks(w, len, &bytes);
		size_t n = (size_t)MIN(len, w->options.block_size);
		uint8_t *room;
		if (count != 0) {
			if (add_blocks(w, count, err) < 0)
				return -1;
			w->file.left -= bytes;
			w->file.ends_in_hole = true;
			len -= bytes;
			continue;
		}
		room = block_room(w, &n, err);
		if (room == NULL)
			return -1;
		memset(room, 0, n);
		if (block_filled(w, n, err) < 0)
			return -1;
		len -= n;
	}
	return 0;
}

static int mark_end(struct sqfs_writer *w, struct error *err)
{
	struct job *job = pipeline_acquire(&w->pipeline, err);
	if (job == NULL)
		return -1;
	job->kind = JOB_END;
	job->in_len = 0;
	job->index = (uint32_t)w->block_count;
	job->file = w->file.id;
	job->is_last = true;
	return pipeline_submit(&w->pipeline, err);
}

int sqfs_writer_file_end(struct sqfs_writer *w, uint32_t *id, struct error *err)
{
	if (!w->file.is_open)
		return error_set(err, EINVAL, "no file was begun in the image");
	if (w->file.left != 0)
		return error_set(err, EINVAL, "the file is %llu bytes shorter than the %llu it was to have",
			(unsigned long long)w->file.left, (unsigned long long)w->file.size);
	if (w->file.ends_in_hole && mark_end(w, err) < 0)
		return -1;
	if (w->file.size == 0) {
		if (w->empty_id == DEDUP_NONE &&
			add_record(w, &(struct data_record){ 0 }, &w->empty_id, err) < 0)
			return -1;
		w->file.id = w->empty_id;
	}
	w->file.is_open = false;
	*id = w->file.id;
	return 0;
}

int sqfs_writer_finish(struct sqfs_writer *w, const struct tree *tree, uint32_t mkfs_time, uint64_t *bytes,
	struct error *err)
{
	if (w->file.is_open || w->small == NULL)
		return error_set(err, EINVAL, "cannot finish the image now");
	if (writer_flush_fragment(w, err) < 0 || pipeline_drain(&w->pipeline, err) < 0)
		return -1;
	end_data_phase(w);
	return writer_write_tables(w, tree, mkfs_time, bytes, err);
}
