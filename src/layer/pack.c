#include "layer/pack.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/processors.h"
#include "base/sha256.h"
#include "base/str.h"
#include "layer/pack_codec.h"

#define THREADS_MAX 16u /* bounds the memory: a chunk and its compressed form for each, and a few to spare */
#define SPARE       4u

enum chunk_state { CHUNK_FREE, CHUNK_FULL, CHUNK_TAKEN, CHUNK_DONE };

struct slot {
	struct pack_chunk chunk;
	enum chunk_state state; /* under the lock */
};

struct layer_pack {
	int fd;
	const struct pack_codec *codec;
	struct sha256 *tar_hash, *hash; /* HASH: NULL where nothing is compressed */
	uint64_t tar_bytes, bytes;
	uint32_t crc;
	bool has_begun;
	struct pack_chunk *open; /* the one at FILLING, if it is being filled */

	/* A ring, in the order of the tar: written out at FIRST, filled at FILLING, compressed at NEXT (counts). */
	struct slot *slots;
	unsigned slot_count;
	uint64_t first, filling;
	pthread_mutex_t lock;
	pthread_cond_t filled, done;
	uint64_t next; /* under the lock, as is: */
	bool is_over;
	pthread_t threads[THREADS_MAX];
	unsigned thread_count;
};

static const struct pack_codec *const codecs[] = {
	[LAYER_PLAIN] = &pack_plain, [LAYER_GZIP] = &pack_gzip, [LAYER_ZSTD] = &pack_zstd
};

struct layer_pack *layer_pack_new(int fd, enum layer_compression compression, unsigned threads)
{
	struct layer_pack *p = xcalloc(1, sizeof(*p));
	p->fd = fd;
	p->codec = codecs[compression];
	p->tar_hash = sha256_new();
	p->hash = compression != LAYER_PLAIN ? sha256_new() : NULL;
	p->slot_count = compression != LAYER_PLAIN
				? MIN(threads != 0 ? threads : processors_count(), THREADS_MAX) + SPARE
				: 1;
	p->slots = xcalloc(p->slot_count, sizeof(*p->slots));
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->filled, NULL);
	pthread_cond_init(&p->done, NULL);
	return p;
}

/* ---- the threads ---- */

static struct slot *slot_at(struct layer_pack *p, uint64_t number)
{
	return &p->slots[number % p->slot_count];
}

/* The next chunk to compress; NULL at the end. */
static struct slot *take_chunk(struct layer_pack *p)
{
	struct slot *s = NULL;
	pthread_mutex_lock(&p->lock);
	while (!p->is_over && slot_at(p, p->next)->state != CHUNK_FULL)
		pthread_cond_wait(&p->filled, &p->lock);
	if (!p->is_over) {
		s = slot_at(p, p->next++);
		s->state = CHUNK_TAKEN;
	}
	pthread_mutex_unlock(&p->lock);
	return s;
}

static void *compress_main(void *arg)
{
	struct layer_pack *p = arg;
	void *state = p->codec->begin();
	struct slot *s;
	while ((s = take_chunk(p)) != NULL) {
		p->codec->compress(state, &s->chunk);
		pthread_mutex_lock(&p->lock);
		s->state = CHUNK_DONE;
		pthread_cond_signal(&p->done);
		pthread_mutex_unlock(&p->lock);
	}
	p->codec->end(state);
	return NULL;
}

/* One more thread while there is work for it. */
static int start_thread(struct layer_pack *p, struct error *err)
{
	if (p->thread_count + SPARE >= p->slot_count)
		return 0;
	int r = pthread_create(&p->threads[p->thread_count], NULL, compress_main, p);
	if (r == 0)
		p->thread_count++;
	if (r == 0 || p->thread_count != 0)
		return 0;
	return error_set(err, r, "cannot start a thread: %s", strerror(r));
}

static void stop_threads(struct layer_pack *p)
{
	pthread_mutex_lock(&p->lock);
	p->is_over = true;
	pthread_cond_broadcast(&p->filled);
	pthread_mutex_unlock(&p->lock);
	while (p->thread_count > 0)
		pthread_join(p->threads[--p->thread_count], NULL);
}

void layer_pack_free(struct layer_pack *p)
{
	if (p == NULL)
		return;
	stop_threads(p);
	for (unsigned i = 0; i < p->slot_count; i++) {
		free(p->slots[i].chunk.in);
		free(p->slots[i].chunk.out);
	}
	free(p->slots);
	sha256_free(p->tar_hash);
	sha256_free(p->hash);
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->filled);
	pthread_cond_destroy(&p->done);
	free(p);
}

/* ---- the output ---- */

static int write_out(struct layer_pack *p, const void *data, size_t len, struct error *err)
{
	if (fd_write_full(p->fd, data, len) < 0)
		return interrupt_check(err) < 0 ? -1 : error_errno(err, "cannot write the layer");
	if (p->hash != NULL)
		sha256_update(p->hash, data, len);
	p->bytes += len;
	return 0;
}

static int write_extra(struct layer_pack *p, const struct buffer *extra, struct error *err)
{
	return extra->len != 0 ? write_out(p, extra->data, extra->len, err) : 0;
}

static int write_head(struct layer_pack *p, struct error *err)
{
	_cleanup_buffer_ struct buffer head = BUFFER_INIT;
	if (p->has_begun || p->codec->head == NULL)
		return 0;
	p->has_begun = true;
	p->codec->head(&head);
	return write_extra(p, &head, err);
}

/* Write the oldest chunk, once it is compressed. */
static int commit_first(struct layer_pack *p, struct error *err)
{
	struct slot *s = slot_at(p, p->first++);
	const struct pack_chunk *c = &s->chunk;
	pthread_mutex_lock(&p->lock);
	while (s->state != CHUNK_DONE)
		pthread_cond_wait(&p->done, &p->lock);
	s->state = CHUNK_FREE;
	pthread_mutex_unlock(&p->lock);
	if (p->codec->join != NULL)
		p->crc = p->codec->join(p->crc, c->crc, c->len);
	if (write_head(p, err) < 0)
		return -1;
	return write_out(p, c->out, c->out_len, err);
}

/* The chunk that is being filled goes to the threads. */
static int submit(struct layer_pack *p, bool is_last, struct error *err)
{
	struct slot *s = slot_at(p, p->filling);
	struct pack_chunk *c = &s->chunk;
	if (c->out == NULL) {
		c->out_capacity = p->codec->bound(p->codec->chunk_bytes);
		c->out = xmalloc(c->out_capacity);
	}
	c->is_last = is_last;
	if (start_thread(p, err) < 0)
		return -1;
	pthread_mutex_lock(&p->lock);
	s->state = CHUNK_FULL;
	pthread_cond_signal(&p->filled);
	pthread_mutex_unlock(&p->lock);
	p->filling++;
	p->open = NULL;
	sha256_update(p->tar_hash, c->in + c->dictionary, c->len); /* while a thread compresses it */
	return 0;
}

/* ---- the input ---- */

/* Make the slot at .filling ready; its dictionary is the end of the chunk before. */
static int open_chunk(struct layer_pack *p, struct error *err)
{
	const struct pack_codec *codec = p->codec;
	if (p->filling - p->first == p->slot_count && commit_first(p, err) < 0)
		return -1;
	struct pack_chunk *c = p->open = &slot_at(p, p->filling)->chunk;
	if (c->in == NULL)
		c->in = xmalloc(codec->dictionary_bytes + codec->chunk_bytes);
	c->len = 0;
	c->dictionary = 0;
	if (p->filling == 0 || codec->dictionary_bytes == 0)
		return 0;
	/* What was submitted is only read from then on. */
	const struct pack_chunk *before = &slot_at(p, p->filling - 1)->chunk;
	c->dictionary = codec->dictionary_bytes;
	memcpy(c->in, before->in + before->dictionary + before->len - c->dictionary, c->dictionary);
	return 0;
}

static int add(struct layer_pack *p, const uint8_t *data, size_t len, struct error *err)
{
	for (size_t n; len > 0; data += n, len -= n) {
		if (p->open == NULL && open_chunk(p, err) < 0)
			return -1;
		struct pack_chunk *c = p->open;
		n = MIN(len, p->codec->chunk_bytes - c->len);
		memcpy(c->in + c->dictionary + c->len, data, n);
		c->len += n;
		if (c->len == p->codec->chunk_bytes && submit(p, false, err) < 0)
			return -1;
	}
	return 0;
}

/* Without compression nothing waits but for small pieces to become large ones. */
static int flush_plain(struct layer_pack *p, struct error *err)
{
	struct pack_chunk *c = &p->slots[0].chunk;
	size_t len = c->len;
	c->len = 0;
	if (len == 0)
		return 0;
	sha256_update(p->tar_hash, c->in, len);
	return write_out(p, c->in, len, err);
}

static int add_plain(struct layer_pack *p, const uint8_t *data, size_t len, struct error *err)
{
	struct pack_chunk *c = &p->slots[0].chunk;
	if (c->in == NULL)
		c->in = xmalloc(p->codec->chunk_bytes);
	for (size_t n; len > 0; data += n, len -= n) {
		n = MIN(len, p->codec->chunk_bytes - c->len);
		memcpy(c->in + c->len, data, n);
		c->len += n;
		if (c->len == p->codec->chunk_bytes && flush_plain(p, err) < 0)
			return -1;
	}
	return 0;
}

int layer_pack_write(void *pack, const void *data, size_t len, struct error *err)
{
	struct layer_pack *p = pack;
	p->tar_bytes += len;
	return p->codec->compress != NULL ? add(p, data, len, err) : add_plain(p, data, len, err);
}

static int finish_chunks(struct layer_pack *p, struct error *err)
{
	_cleanup_buffer_ struct buffer tail = BUFFER_INIT;
	if ((p->open == NULL && open_chunk(p, err) < 0) || submit(p, true, err) < 0)
		return -1;
	while (p->first < p->filling)
		if (commit_first(p, err) < 0)
			return -1;
	if (p->codec->tail != NULL)
		p->codec->tail(&tail, p->crc, p->tar_bytes);
	return write_extra(p, &tail, err);
}

static void name_digest(struct sha256 *hash, char digest[LAYER_DIGEST_SIZE])
{
	uint8_t raw[SHA256_SIZE];
	char hex[SHA256_HEX_SIZE];
	sha256_final(hash, raw);
	str_hex(raw, sizeof(raw), hex);
	snprintf(digest, LAYER_DIGEST_SIZE, "sha256:%s", hex);
}

int layer_pack_finish(struct layer_pack *p, struct layer_packed *packed, struct error *err)
{
	int r = p->codec->compress != NULL ? finish_chunks(p, err) : flush_plain(p, err);
	if (r < 0)
		return -1;
	name_digest(p->tar_hash, packed->diff_id);
	if (p->hash != NULL)
		name_digest(p->hash, packed->digest);
	else
		memcpy(packed->digest, packed->diff_id, sizeof(packed->digest));
	packed->tar_bytes = p->tar_bytes;
	packed->bytes = p->bytes;
	return 0;
}
