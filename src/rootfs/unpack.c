#include "rootfs/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/processors.h"
#include "base/publish.h"
#include "rootfs/unpack_private.h"

#define BLOCK       (128u << 10) /* a part of a large file: zeros become a hole */
#define SMALL_BYTES (BATCH_BYTES / 4)
#define BATCHES     2u /* a thread, and two more */

static unsigned thread_count(unsigned wanted)
{
	if (wanted == 0)
		wanted = processors_count();
	return wanted > 1 ? MIN(wanted, UNPACK_THREADS_MAX) : 0;
}

static void start_threads(struct unpack *u, unsigned wanted)
{
	u->empty = queue_new(wanted * BATCHES + 2);
	u->full = queue_new(wanted * BATCHES + 2);
	for (unsigned i = 0; i < wanted; i++) {
		if (pthread_create(&u->thread[u->threads], NULL, unpack_writer, u) == 0)
			u->threads++;
	}
	for (unsigned i = 0; u->threads != 0 && i < u->threads * BATCHES + 1; i++)
		queue_push(u->empty, xcalloc(1, sizeof(struct batch)));
}

/* The directory for what has no other place; what the umask takes away from it is what it takes from all files. */
static int make_aside(struct unpack *u, struct error *err)
{
	struct stat st;
	u->aside_name = publish_temp_name();
	if (mkdirat(u->target, u->aside_name, 0777) == 0)
		u->aside = openat(u->target, u->aside_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (u->aside < 0 || fstat(u->aside, &st) < 0 || fchmod(u->aside, 0700) < 0)
		return error_errno(err, "cannot create a directory for files");
	u->masked = 0777 & ~st.st_mode;
	return 0;
}

struct unpack *unpack_new(int target, const struct unpack_options *options, struct error *err)
{
	struct unpack *u = xcalloc(1, sizeof(*u));
	u->target = target;
	u->options = *options;
	u->aside = -1;
	u->rules = (struct meta_rules){ .is_root = geteuid() == 0, .strip_setid = options->strip_setid };
	u->dirs = tree_new();
	u->dir_inode = tree_node_inode(u->dirs, TREE_ROOT); /* one for all: only the names matter */
	u->batch = xcalloc(1, sizeof(*u->batch));
	pthread_mutex_init(&u->lock, NULL);
	if (make_aside(u, err) < 0) {
		unpack_free(u);
		return NULL;
	}
	(void)fd_raise_limit(&u->open_files); /* each level of the tree is open at the end */
	start_threads(u, thread_count(options->threads));
	return u;
}

static void join_threads(struct unpack *u)
{
	for (unsigned i = 0; i < u->threads; i++)
		pthread_join(u->thread[i], NULL);
	u->threads = 0;
}

static void drop_batch(struct unpack *u, struct batch *b)
{
	if (b != NULL)
		batch_write(u, b);
	free(b);
}

static void drop_batches(struct unpack *u, struct queue *q)
{
	struct batch *b;
	while (q != NULL && (b = queue_try_pop(q)) != NULL)
		drop_batch(u, b);
	queue_free(q);
}

void unpack_free(struct unpack *u)
{
	if (u == NULL)
		return;
	_cleanup_error_ struct error ignored = ERROR_INIT;
	u->failed = true; /* whatever is left is not wanted */
	if (u->threads != 0) {
		queue_abort(u->empty);
		queue_abort(u->full);
		join_threads(u);
	}
	if (u->file != NULL)
		(void)incoming_unref(u, u->file, &ignored);
	drop_batch(u, u->batch);
	drop_batches(u, u->empty);
	drop_batches(u, u->full);
	place_unref(u->place);
	if (u->aside >= 0)
		close(u->aside);
	free(u->aside_name);
	tree_free(u->dirs);
	buffer_cleanup(&u->place_path);
	buffer_cleanup(&u->names);
	free(u->placed);
	error_clear(&u->error);
	pthread_mutex_destroy(&u->lock);
	fd_restore_limit(&u->open_files);
	free(u);
}

uint64_t unpack_bytes(const struct unpack *u)
{
	return u->bytes;
}

void aside_name(uint32_t id, char name[ASIDE_NAME_SIZE])
{
	snprintf(name, ASIDE_NAME_SIZE, "%u", id);
}

void placed_name(const struct unpack *u, uint32_t id, char name[256])
{
	const char *stored = u->names.data + u->placed[id].name;
	size_t len = (unsigned char)*stored;
	memcpy(name, stored + 1, len);
	name[len] = '\0';
}

/* ---- one file ---- */

static int take_error(struct unpack *u, struct error *err)
{
	pthread_mutex_lock(&u->lock);
	if (error_is_set(&u->error))
		error_move(err, &u->error);
	else
		error_set(err, EIO, "cannot write"); /* told before */
	pthread_mutex_unlock(&u->lock);
	return -1;
}

static int flush(struct unpack *u, struct error *err)
{
	struct batch *b = u->batch;
	if (b->pieces == 0)
		return u->failed ? take_error(u, err) : 0;
	/* Who comes next may write the rest of this file at the same time. */
	if (u->file != NULL && u->file->fd < 0 && b->piece[b->pieces - 1].file == u->file) {
		u->file->sized = true;
		if (incoming_open(u, u->file, err) < 0)
			return -1;
	}
	if (u->threads == 0) {
		batch_write(u, b);
		return u->failed ? take_error(u, err) : 0;
	}
	if (!queue_push(u->full, b))
		return take_error(u, err);
	u->batch = queue_pop(u->empty);
	return u->batch == NULL ? take_error(u, err) : 0;
}

static int register_file(
	struct unpack *u, const struct place *place, const char *name, size_t len, struct error *err)
{
	if (u->names.len > UINT32_MAX - 256 || u->placed_count >= UINT32_MAX - 1)
		return error_set(err, EFBIG, "too many files");
	pthread_mutex_lock(&u->lock);
	grow_array(&u->placed, &u->placed_capacity, u->placed_count + 1);
	u->placed[u->placed_count++] = (struct placed){
		.dir = place != NULL ? place->dir : ASIDE,
		.name = (uint32_t)u->names.len,
	};
	pthread_mutex_unlock(&u->lock);
	buffer_putc(&u->names, (char)len);
	buffer_append(&u->names, name, len);
	return 0;
}

static int begin_in(struct unpack *u, struct place *place, const struct tree_file *file, const char *name,
	size_t len, struct error *err)
{
	if (register_file(u, place, name, len, err) < 0)
		return -1;
	struct incoming *f = incoming_new(u, file, name, len);
	f->id = (uint32_t)u->placed_count - 1;
	f->place = place;
	if (place != NULL)
		place->refs++;
	bool is_small = file->size <= SMALL_BYTES;
	struct batch *b = u->batch;
	bool has_room = b->pieces < BATCH_PIECES / 2 && b->places < BATCH_PLACES &&
			BATCH_BYTES - b->used >= file->size;
	int r = is_small && !has_room ? flush(u, err) : 0;
	u->file = f;
	u->at = 0;
	return r == 0 && !is_small ? incoming_open(u, f, err) : r;
}

int unpack_file_begin(struct unpack *u, const struct tree_file *file, struct error *err)
{
	if (u->failed)
		return take_error(u, err);
	const char *slash = memrchr(file->path, '/', file->path_len);
	size_t dir_len = slash != NULL ? (size_t)(slash - file->path) : 0;
	const char *name = slash != NULL ? slash + 1 : file->path;
	size_t len = file->path_len - (size_t)(name - file->path);
	struct place *place;
	if (place_get(u, file->path, dir_len, &place, err) < 0)
		return -1;
	int r = begin_in(u, place, file, name, len, err);
	place_unref(place);
	return r;
}

static void add_piece(struct unpack *u, const void *data, size_t len)
{
	struct batch *b = u->batch;
	struct piece *last = b->pieces != 0 ? &b->piece[b->pieces - 1] : NULL;
	if (last == NULL || last->file != u->file || last->offset + last->len != u->at) {
		b->places += last == NULL || last->file->place != u->file->place;
		last = &b->piece[b->pieces++];
		*last = (struct piece){ .file = u->file, .offset = u->at, .at = b->used };
		u->file->refs++;
	}
	if (len != 0)
		memcpy(b->data + b->used, data, len);
	last->len += (uint32_t)len;
	b->used += (uint32_t)len;
	u->at += len;
}

/* Blocks are not cut, so that those of zeros are seen. */
static size_t room_for(const struct unpack *u, size_t len)
{
	const struct batch *b = u->batch;
	size_t room = b->pieces < BATCH_PIECES ? BATCH_BYTES - b->used : 0;
	size_t done = u->at % BLOCK;
	if (done == 0 && room < MIN(BLOCK, u->file->size - u->at))
		return 0;
	return MIN(MIN(len, room), BLOCK - done);
}

int unpack_file_data(struct unpack *u, const void *data, size_t len, struct error *err)
{
	const uint8_t *p = data;
	if (len > u->file->size - u->at)
		return error_set(err, ERANGE, "more data than the file is long");
	while (len != 0) {
		size_t part = room_for(u, len);
		if (part == 0 && flush(u, err) < 0)
			return -1;
		if (part != 0)
			add_piece(u, p, part);
		p += part;
		len -= part;
	}
	return 0;
}

int unpack_file_hole(struct unpack *u, uint64_t len, struct error *err)
{
	if (len > u->file->size - u->at)
		return error_set(err, ERANGE, "more data than the file is long");
	u->file->sized = true;
	u->at += len;
	return 0;
}

int unpack_file_end(struct unpack *u, uint32_t *id, struct error *err)
{
	struct incoming *f = u->file;
	if (u->at != f->size)
		return error_set(err, ERANGE, "fewer data than the file is long");
	*id = f->id;
	/* Whoever creates it needs a piece, also of an empty file. */
	if (f->fd < 0 && (u->batch->pieces == 0 || u->batch->piece[u->batch->pieces - 1].file != f)) {
		if (u->batch->pieces == BATCH_PIECES && flush(u, err) < 0)
			return -1;
		add_piece(u, NULL, 0);
	}
	u->file = NULL;
	return incoming_unref(u, f, err);
}

/* ---- the end ---- */

static int drain(struct unpack *u, struct error *err)
{
	if (flush(u, err) < 0)
		return -1;
	if (u->full != NULL)
		queue_close(u->full);
	join_threads(u);
	return u->failed ? take_error(u, err) : 0;
}

int unpack_finish(struct unpack *u, const struct tree *tree, struct extract_report *report, struct error *err)
{
	place_unref(steal_pointer(&u->place));
	if (drain(u, err) < 0 || unpack_settle(u, tree, err) < 0 || unpack_build(u, tree, err) < 0)
		return -1;
	*report = (struct extract_report){ .xattrs = u->rules.skipped_xattrs,
		.owners = u->rules.skipped_owners };
	return 0;
}
