/* rootfs/unpack_write.c - files come into being */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "rootfs/unpack_private.h"

#define HOLE_BYTES (128u << 10) /* as a squashfs image of ours has them */

struct incoming *incoming_new(
	const struct unpack *u, const struct tree_file *file, const char *name, size_t len)
{
	struct incoming *f = xcalloc(1, sizeof(*f) + len + 1);
	memcpy(f->name, name, len);
	f->refs = 1;
	f->fd = -1;
	f->size = file->size;
	f->sized = file->size >= HOLE_BYTES;
	f->xattr_count = u->options.no_xattrs ? 0 : file->xattr_count;
	if (f->xattr_count != 0)
		f->xattrs = tree_copy_xattrs(file->xattrs, f->xattr_count);
	f->meta = (struct meta){
		.has_xattrs = f->xattr_count != 0,
		.mode = file->mode,
		.mtime = u->options.has_all_time ? u->options.all_time : file->mtime,
	};
	return f;
}

static int fail_at(struct unpack *u, const struct incoming *f, const char *what, struct error *err)
{
	int code = errno;
	pthread_mutex_lock(&u->lock);
	_cleanup_free_ char *dir = f->place != NULL ? tree_path(u->dirs, f->place->dir) : xstrdup("");
	pthread_mutex_unlock(&u->lock);
	errno = code;
	return error_errno(err, "cannot %s %s%s%s", what, dir, *dir != '\0' ? "/" : "", f->name);
}

/* Aside, because something of that name is there. */
static int create_aside(struct unpack *u, struct incoming *f, mode_t mode)
{
	char name[ASIDE_NAME_SIZE];
	pthread_mutex_lock(&u->lock);
	u->placed[f->id].dir = ASIDE;
	pthread_mutex_unlock(&u->lock);
	aside_name(f->id, name);
	return openat(u->aside, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
}

int incoming_open(struct unpack *u, struct incoming *f, struct error *err)
{
	bool fix;
	mode_t mode = meta_create_mode(&u->rules, &f->meta, 0, &fix);
	errno = EEXIST;
	if (f->place != NULL)
		f->fd = openat(
			f->place->fd, f->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (f->fd < 0 && errno == EEXIST)
		f->fd = create_aside(u, f, mode);
	if (f->fd < 0)
		return fail_at(u, f, "create", err);
	if (f->sized && ftruncate(f->fd, (off_t)f->size) < 0)
		return fail_at(u, f, "write", err);
	return 0;
}

static int finish(struct unpack *u, struct incoming *f, struct error *err)
{
	bool fix;
	mode_t mode = meta_create_mode(&u->rules, &f->meta, 0, &fix);
	for (size_t i = 0; i < f->xattr_count; i++)
		meta_set_xattr(
			&u->rules, f->fd, f->xattrs[i].name, f->xattrs[i].value, f->xattrs[i].value_len);
	if (meta_seal(&u->rules, f->fd, &f->meta, 0, fix || (mode & u->masked) != 0, err) < 0)
		return error_prefix(err, "%s", f->name);
	return 0;
}

int incoming_unref(struct unpack *u, struct incoming *f, struct error *err)
{
	int r = 0;
	if (--f->refs != 0)
		return 0;
	if (f->fd >= 0) {
		if (!u->failed)
			r = finish(u, f, err);
		close(f->fd);
	}
	place_unref(f->place);
	free(f->xattrs);
	free(f);
	return r;
}

static bool is_zero(const uint8_t *data, size_t len)
{
	return len != 0 && data[0] == 0 && memcmp(data, data + 1, len - 1) == 0;
}

static int write_bytes(const struct incoming *f, const uint8_t *data, uint64_t offset, size_t len)
{
	if (!f->sized || len < HOLE_BYTES)
		return fd_pwrite_full(f->fd, data, len, offset);
	while (len != 0) {
		size_t part = MIN(len, HOLE_BYTES - offset % HOLE_BYTES);
		if ((part < HOLE_BYTES || !is_zero(data, part)) &&
			fd_pwrite_full(f->fd, data, part, offset) < 0)
			return -1;
		data += part;
		offset += part;
		len -= part;
	}
	return 0;
}

static int write_piece(struct unpack *u, const struct batch *b, const struct piece *p, struct error *err)
{
	struct incoming *f = p->file;
	if (interrupt_check(err) < 0 || (f->fd < 0 && incoming_open(u, f, err) < 0))
		return -1;
	if (write_bytes(f, b->data + p->at, p->offset, p->len) < 0)
		return fail_at(u, f, "write", err);
	u->bytes += p->len;
	return 0;
}

/* The first error is told; a file that lacks a piece is not finished. */
static void fail(struct unpack *u, struct error *err)
{
	pthread_mutex_lock(&u->lock);
	if (!u->failed)
		error_move(&u->error, err);
	u->failed = true;
	pthread_mutex_unlock(&u->lock);
}

void batch_write(struct unpack *u, struct batch *b)
{
	for (unsigned i = 0; i < b->pieces; i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		struct piece *p = &b->piece[i];
		if (!u->failed && write_piece(u, b, p, &err) < 0)
			fail(u, &err);
		if (incoming_unref(u, p->file, &err) < 0)
			fail(u, &err);
	}
	b->pieces = b->places = 0;
	b->used = 0;
}

void *unpack_writer(void *unpack)
{
	struct unpack *u = unpack;
	struct batch *b;
	while ((b = queue_pop(u->full)) != NULL) {
		batch_write(u, b);
		if (u->failed) {
			queue_abort(u->full);
			queue_abort(u->empty);
		}
		if (!queue_push(u->empty, b))
			free(b);
	}
	return NULL;
}
