#include "layer/stream.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/interrupt.h"
#include "base/memory.h"
#include "base/processors.h"
#include "base/queue.h"
#include "base/sha256.h"
#include "base/str.h"
#include "layer/inflate.h"

#define BUFFER_SIZE  (512u << 10)
#define BUFFER_COUNT 8u
#define RATIO_FROM   (1ull << 30) /* below this the ratio does not matter */

struct block {
	atomic_uint users;
	size_t len;
	uint8_t data[BUFFER_SIZE];
};

struct layer_stream {
	struct layer_stream_options options;
	struct inflater *inflater;
	struct sha256 *sha;
	uint64_t made; /* bytes of tar */
	struct block *current;
	bool threaded, hashing; /* threads that were started */
	bool hash_joined;
	bool ended;
	pthread_t inflate_thread, hash_thread;
	struct queue *empty, *to_parse, *to_hash;
	struct error failure; /* of the inflating thread; read after to_parse is closed */
	struct block *blocks[BUFFER_COUNT];
};

static int check_limits(struct layer_stream *s, size_t more, struct error *err)
{
	struct layer_limits *limits = s->options.limits;
	if (limits == NULL)
		return 0;
	uint64_t used = __atomic_add_fetch(&limits->used_bytes, more, __ATOMIC_RELAXED);
	if (used > limits->max_bytes) {
		error_set(err, EFBIG, "the layers of this image hold more than %s",
			str_bytes(limits->max_bytes));
		return error_hint(err, "set ENROOT_LIMIT_BYTES if the image can be trusted");
	}
	uint64_t in = MAX(inflater_consumed(s->inflater), 1);
	if (s->made > RATIO_FROM && s->made / in > limits->max_ratio) {
		error_set(err, EFBIG, "%s came out of %s: more than %" PRIu64 " times as much",
			str_bytes(s->made), str_bytes(in), limits->max_ratio);
		return error_hint(err, "set ENROOT_LIMIT_RATIO if the image can be trusted");
	}
	return 0;
}

static int fill_block(struct layer_stream *s, struct block *b, struct error *err)
{
	if (interrupt_check(err) < 0 ||
		inflater_read(s->inflater, b->data, sizeof(b->data), &b->len, err) < 0)
		return -1;
	s->made += b->len;
	return check_limits(s, b->len, err);
}

/* Full blocks but for the last, so that a tar header never lies across two. */
static void *inflate_main(void *ctx)
{
	struct layer_stream *s = ctx;
	struct block *b;
	while ((b = queue_pop(s->empty)) != NULL) {
		if (fill_block(s, b, &s->failure) < 0 || b->len == 0)
			break;
		bool last = b->len < sizeof(b->data);
		b->users = s->hashing ? 2 : 1;
		if ((s->hashing && !queue_push(s->to_hash, b)) || !queue_push(s->to_parse, b) || last)
			break;
	}
	queue_close(s->to_parse);
	if (s->hashing)
		queue_close(s->to_hash);
	return NULL;
}

static void put_block(struct layer_stream *s, struct block *b)
{
	if (atomic_fetch_sub(&b->users, 1) == 1)
		queue_push(s->empty, b);
}

static void *hash_main(void *ctx)
{
	struct layer_stream *s = ctx;
	struct block *b;
	while ((b = queue_pop(s->to_hash)) != NULL) {
		sha256_update(s->sha, b->data, b->len);
		put_block(s, b);
	}
	return NULL;
}

/* Where a thread cannot be had (limits), the caller does the work. */
static void start_threads(struct layer_stream *s)
{
	s->empty = queue_new(BUFFER_COUNT);
	s->to_parse = queue_new(BUFFER_COUNT);
	s->to_hash = queue_new(BUFFER_COUNT);
	for (unsigned i = 0; i < BUFFER_COUNT; i++) {
		s->blocks[i] = xmalloc(sizeof(struct block));
		queue_push(s->empty, s->blocks[i]);
	}
	if (s->options.hash)
		s->hashing = pthread_create(&s->hash_thread, NULL, hash_main, s) == 0;
	if (s->options.hash && !s->hashing)
		return;
	s->threaded = pthread_create(&s->inflate_thread, NULL, inflate_main, s) == 0;
	if (!s->threaded && s->hashing) {
		queue_close(s->to_hash);
		pthread_join(s->hash_thread, NULL);
		s->hashing = false;
	}
}

struct layer_stream *layer_stream_open(const struct layer_stream_options *options)
{
	struct layer_stream *s = xcalloc(1, sizeof(*s));
	s->options = *options;
	s->inflater = inflater_new(options->input);
	if (options->hash)
		s->sha = sha256_new();
	unsigned threads = options->threads != 0 ? options->threads : processors_count();
	if (threads > 1)
		start_threads(s);
	if (!s->threaded && s->blocks[0] == NULL)
		s->blocks[0] = xmalloc(sizeof(struct block));
	return s;
}

static int next_here(struct layer_stream *s, struct error *err)
{
	struct block *b = s->blocks[0];
	if (fill_block(s, b, err) < 0)
		return -1;
	if (s->sha != NULL)
		sha256_update(s->sha, b->data, b->len);
	s->current = b->len != 0 ? b : NULL;
	return 0;
}

int layer_stream_next(void *ctx, const uint8_t **data, size_t *len, struct error *err)
{
	struct layer_stream *s = ctx;
	*data = NULL;
	*len = 0;
	if (s->threaded) {
		if (s->current != NULL)
			put_block(s, s->current);
		s->current = queue_pop(s->to_parse);
		if (s->current == NULL && error_is_set(&s->failure))
			return error_move(err, &s->failure);
		if (interrupt_check(err) < 0)
			return -1;
	} else if (next_here(s, err) < 0) {
		return -1;
	}
	s->ended = s->current == NULL;
	if (!s->ended) {
		*data = s->current->data;
		*len = s->current->len;
	}
	return 0;
}

int layer_stream_drain(struct layer_stream *s, struct error *err)
{
	const uint8_t *data;
	size_t len;
	do {
		if (layer_stream_next(s, &data, &len, err) < 0)
			return -1;
	} while (len != 0);
	return 0;
}

static void join_hash(struct layer_stream *s)
{
	if (s->hashing && !s->hash_joined)
		pthread_join(s->hash_thread, NULL);
	s->hash_joined = true;
}

void layer_stream_digest(struct layer_stream *s, char *hex)
{
	uint8_t digest[SHA256_SIZE];
	join_hash(s); /* its queue was closed at the end */
	sha256_final(s->sha, digest);
	str_hex(digest, sizeof(digest), hex);
}

void layer_stream_close(struct layer_stream *s)
{
	if (s == NULL)
		return;
	if (s->threaded) {
		queue_abort(s->empty);
		queue_abort(s->to_parse);
		queue_abort(s->to_hash);
		if (!s->ended && s->options.input->cancel != NULL)
			s->options.input->cancel(s->options.input->ctx);
		join_hash(s);
		pthread_join(s->inflate_thread, NULL);
	}
	queue_free(s->empty);
	queue_free(s->to_parse);
	queue_free(s->to_hash);
	for (unsigned i = 0; i < BUFFER_COUNT; i++)
		free(s->blocks[i]);
	inflater_free(s->inflater);
	sha256_free(s->sha);
	error_clear(&s->failure);
	free(s);
}
