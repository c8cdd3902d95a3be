/*
 * bench/floor-import.c - the least work that an import can do, on all cores
 *
 *	floor-import [-j THREADS] [-n] [-o OUT] [-s] LAYER.gz EXTENTS [LAYER.gz EXTENTS]…
 *
 * For each layer: SHA-256 of the compressed bytes, inflate (ISA-L), SHA-256 of the tar; the live file data (EXTENTS
 * has "OFFSET LENGTH" lines into the tar) is cut into 128 KiB blocks as squashfs does, tails gathered into
 * fragments, and each block compressed with zstd-1. -n: not compressed. -o: the blocks are written to OUT; -s:
 * and synced. Nothing else: no tar is parsed, no tree built, no table made, nothing fetched.
 *
 * A layer can only be inflated in sequence, so threads take turns: whoever is free takes a step of the layer with
 * most left to do, or a block if enough of them wait.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

enum { BLOCK = 128 << 10, STEP = 256 << 10, OUTPUT = 1 << 20, WAITING_MOST = 256 };

struct extent {
	uint64_t offset, length;
};

struct block {
	struct block *next;
	size_t size;
	uint8_t data[BLOCK];
};

struct layer {
	const uint8_t *data;
	uint64_t size, used; /* compressed bytes */
	uint64_t tar;        /* bytes inflated */
	struct extent *extents;
	size_t count, at;
	uint64_t done; /* bytes of the current extent */
	struct block *current, *fragment;
	struct inflate_state state;
	EVP_MD_CTX *blob_hash, *tar_hash;
	uint8_t *out;
	bool busy;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct layer *layers;
	size_t layer_count, layers_open;
	struct block *waiting, *spare;
	size_t waiting_count;
	uint64_t in, tar, live, out; /* bytes */
	off_t position;
	bool compress;
	int fd;
} work = {
	.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .compress = true, .fd = -1
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static struct block *block_new(void)
{
	struct block *b;

	pthread_mutex_lock(&work.lock);
	b = work.spare;
	if (b)
		work.spare = b->next;
	pthread_mutex_unlock(&work.lock);
	if (!b && !(b = malloc(sizeof(*b))))
		die("malloc");
	b->size = 0;
	b->next = NULL;
	return b;
}

static void block_submit(struct block *b)
{
	pthread_mutex_lock(&work.lock);
	b->next = work.waiting;
	work.waiting = b;
	work.waiting_count++;
	work.live += b->size;
	pthread_cond_signal(&work.changed);
	pthread_mutex_unlock(&work.lock);
}

/* A file's end: its tail joins the layer's fragment block. */
static void layer_end_file(struct layer *l)
{
	struct block *tail = l->current;

	if (!tail || !tail->size)
		return;
	if (l->fragment && l->fragment->size + tail->size > BLOCK) {
		block_submit(l->fragment);
		l->fragment = NULL;
	}
	if (!l->fragment) {
		l->fragment = tail;
		l->current = NULL;
		return;
	}
	memcpy(l->fragment->data + l->fragment->size, tail->data, tail->size);
	l->fragment->size += tail->size;
	tail->size = 0;
}

static void layer_add(struct layer *l, const uint8_t *data, size_t size)
{
	while (size) {
		if (!l->current)
			l->current = block_new();
		size_t room = BLOCK - l->current->size, n = size < room ? size : room;
		memcpy(l->current->data + l->current->size, data, n);
		l->current->size += n;
		if (l->current->size == BLOCK) {
			block_submit(l->current);
			l->current = NULL;
		}
		data += n;
		size -= n;
	}
}

/* SIZE bytes of the tar at offset L->tar: the live ones go on. */
static void layer_take(struct layer *l, const uint8_t *data, size_t size)
{
	uint64_t begin = l->tar, end = begin + size;

	while (l->at < l->count) {
		struct extent *e = &l->extents[l->at];
		uint64_t from = e->offset + l->done;
		if (from >= end)
			break;
		uint64_t to = e->offset + e->length < end ? e->offset + e->length : end;
		layer_add(l, data + (from - begin), to - from);
		l->done += to - from;
		if (l->done < e->length)
			break;
		layer_end_file(l);
		l->at++;
		l->done = 0;
	}
	l->tar = end;
}

static void layer_step(struct layer *l)
{
	size_t n = l->size - l->used < STEP ? l->size - l->used : STEP;

	EVP_DigestUpdate(l->blob_hash, l->data + l->used, n);
	l->state.next_in = (uint8_t *)l->data + l->used;
	l->state.avail_in = n;
	l->used += n;
	do {
		l->state.next_out = l->out;
		l->state.avail_out = OUTPUT;
		if (isal_inflate(&l->state) != ISAL_DECOMP_OK) {
			fprintf(stderr, "floor-import: bad gzip\n");
			exit(1);
		}
		size_t made = OUTPUT - l->state.avail_out;
		EVP_DigestUpdate(l->tar_hash, l->out, made);
		layer_take(l, l->out, made);
	} while (l->state.avail_out == 0 || (l->state.avail_in && l->state.block_state != ISAL_BLOCK_FINISH));
}

static void layer_finish(struct layer *l)
{
	uint8_t digest[EVP_MAX_MD_SIZE];

	EVP_DigestFinal_ex(l->blob_hash, digest, NULL);
	EVP_DigestFinal_ex(l->tar_hash, digest, NULL);
	if (l->at != l->count) {
		fprintf(stderr, "floor-import: a layer ends before its last extent\n");
		exit(1);
	}
	if (l->current && l->current->size)
		block_submit(l->current);
	if (l->fragment)
		block_submit(l->fragment);
}

static void block_work(struct block *b, ZSTD_CCtx *zstd, uint8_t *buffer, size_t room)
{
	const uint8_t *data = b->data;
	size_t size = b->size;

	if (work.compress) {
		size_t n = ZSTD_compressCCtx(zstd, buffer, room, b->data, b->size, 1);
		if (ZSTD_isError(n))
			die("zstd");
		if (n < size) {
			data = buffer;
			size = n;
		}
	}
	pthread_mutex_lock(&work.lock);
	off_t position = work.position;
	work.position += size;
	work.out += size;
	pthread_mutex_unlock(&work.lock);
	if (work.fd >= 0 && pwrite(work.fd, data, size, position) != (ssize_t)size)
		die("write");
	pthread_mutex_lock(&work.lock);
	b->next = work.spare;
	work.spare = b;
	pthread_mutex_unlock(&work.lock);
}

/* The free layer with most compressed bytes left; NULL if none. */
static struct layer *pick_layer(void)
{
	struct layer *best = NULL;

	for (size_t i = 0; i < work.layer_count; i++) {
		struct layer *l = &work.layers[i];
		if (!l->busy && l->used < l->size && (!best || l->size - l->used > best->size - best->used))
			best = l;
	}
	return best;
}

static void *worker(void *unused)
{
	ZSTD_CCtx *zstd = ZSTD_createCCtx();
	size_t room = ZSTD_compressBound(BLOCK);
	uint8_t *buffer = malloc(room);

	if (!zstd || !buffer)
		die("malloc");
	pthread_mutex_lock(&work.lock);
	for (;;) {
		struct layer *l = work.waiting_count < WAITING_MOST ? pick_layer() : NULL;
		if (l) {
			l->busy = true;
			pthread_mutex_unlock(&work.lock);
			layer_step(l);
			if (l->used == l->size)
				layer_finish(l);
			pthread_mutex_lock(&work.lock);
			l->busy = false;
			if (l->used == l->size)
				work.layers_open--;
			pthread_cond_broadcast(&work.changed);
		} else if (work.waiting) {
			struct block *b = work.waiting;
			work.waiting = b->next;
			work.waiting_count--;
			pthread_mutex_unlock(&work.lock);
			block_work(b, zstd, buffer, room);
			pthread_mutex_lock(&work.lock);
		} else if (work.layers_open) {
			pthread_cond_wait(&work.changed, &work.lock);
		} else {
			break;
		}
	}
	pthread_mutex_unlock(&work.lock);
	ZSTD_freeCCtx(zstd);
	free(buffer);
	return unused;
}

static void layer_open(struct layer *l, const char *path, const char *extents)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	FILE *f = fopen(extents, "re");
	unsigned long long offset, length;

	if (fd < 0 || fstat(fd, &st) < 0)
		die(path);
	if (!f)
		die(extents);
	l->size = st.st_size;
	l->data = mmap(NULL, l->size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (l->data == MAP_FAILED)
		die(path);
	close(fd);
	while (fscanf(f, "%llu %llu", &offset, &length) == 2) {
		if ((l->count & (l->count - 1)) == 0) {
			l->extents = realloc(l->extents, (l->count ? l->count * 2 : 1) * sizeof(*l->extents));
			if (!l->extents)
				die("realloc");
		}
		l->extents[l->count++] = (struct extent){ offset, length };
	}
	fclose(f);
	isal_inflate_init(&l->state);
	l->state.crc_flag = ISAL_GZIP;
	l->blob_hash = EVP_MD_CTX_new();
	l->tar_hash = EVP_MD_CTX_new();
	l->out = malloc(OUTPUT);
	if (!l->blob_hash || !l->tar_hash || !l->out)
		die("malloc");
	EVP_DigestInit_ex(l->blob_hash, EVP_sha256(), NULL);
	EVP_DigestInit_ex(l->tar_hash, EVP_sha256(), NULL);
	work.in += l->size;
}

static double now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

int main(int argc, char *argv[])
{
	long threads = sysconf(_SC_NPROCESSORS_ONLN);
	const char *out = NULL;
	bool sync = false;
	int option;

	while ((option = getopt(argc, argv, "j:no:s")) != -1) {
		if (option == 'j')
			threads = atol(optarg);
		else if (option == 'n')
			work.compress = false;
		else if (option == 'o')
			out = optarg;
		else if (option == 's')
			sync = true;
		else
			return 2;
	}
	if (optind == argc || (argc - optind) % 2 || threads < 1 || threads > 1024)
		return 2;
	work.layer_count = work.layers_open = (argc - optind) / 2;
	work.layers = calloc(work.layer_count, sizeof(*work.layers));
	if (!work.layers)
		die("calloc");
	for (size_t i = 0; i < work.layer_count; i++)
		layer_open(&work.layers[i], argv[optind + 2 * i], argv[optind + 2 * i + 1]);
	if (out && (work.fd = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) < 0)
		die(out);

	double begin = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
	pthread_t ids[threads];
	for (long i = 0; i < threads; i++)
		if (pthread_create(&ids[i], NULL, worker, NULL))
			die("pthread_create");
	for (long i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	double written = now(CLOCK_MONOTONIC);
	if (sync && work.fd >= 0 && fsync(work.fd) < 0)
		die("fsync");
	double end = now(CLOCK_MONOTONIC);
	for (size_t i = 0; i < work.layer_count; i++)
		work.tar += work.layers[i].tar;
	printf("{\"wall\": %.6f, \"wall_unsynced\": %.6f, \"cpu\": %.6f, \"in\": %llu, \"tar\": %llu, "
	       "\"live\": %llu, "
	       "\"out\": %llu, \"threads\": %ld}\n",
		end - begin, written - begin, now(CLOCK_PROCESS_CPUTIME_ID) - cpu,
		(unsigned long long)work.in, (unsigned long long)work.tar, (unsigned long long)work.live,
		(unsigned long long)work.out, threads);
	return 0;
}
