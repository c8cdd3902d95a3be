/*
 * File data. A block that a request covers is decoded straight into the answer; parts of blocks and fragments come
 * from the cache that all workers share.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "sandbox/fuse/private.h"

static void file_forget(struct open_file *f)
{
	free(f->marks);
	*f = (struct open_file){ 0 };
}

/* Positions in the list of blocks are kept at up to FILE_MARKS places, so that no read walks far. */
static void file_mark(struct open_file *f)
{
	if (f->stride == 0 || f->at.block % f->stride != 0 || f->at.block / f->stride != f->marked)
		return;
	if (f->marked < FILE_MARKS)
		f->marks[f->marked++] = f->at;
}

int file_next(struct worker *w, struct open_file *f, struct sqfs_extent *e)
{
	int r = sqfs_extents_next(w->reader, &f->at, e, &w->err);
	if (r > 0)
		file_mark(f);
	return r;
}

static int file_open(struct worker *w, uint64_t node, struct open_file *f)
{
	file_forget(f);
	int r = node_inode(w, node, &f->inode);
	if (r < 0)
		return r;
	if (f->inode.type != SQFS_FILE)
		return f->inode.type == SQFS_DIR ? -EISDIR : -EINVAL;
	if (sqfs_extents_open(w->reader, &f->inode, &f->at, &w->err) < 0)
		return (int)worker_failed(w);
	f->node = node;
	if (f->inode.file.blocks > FILE_MARKS) {
		f->stride = f->inode.file.blocks / FILE_MARKS + 1;
		f->marks = xcalloc(FILE_MARKS, sizeof(*f->marks));
		file_mark(f);
	}
	return 0;
}

/* Move to the last known position at or before OFFSET. */
static int file_seek(struct worker *w, struct open_file *f, uint64_t offset)
{
	uint32_t block_size = sqfs_image_info(w->server->image)->block_size;
	const struct sqfs_extents *from = f->at.offset <= offset ? &f->at : NULL;
	if (f->marked > 0) {
		uint64_t mark = offset / block_size / f->stride;
		const struct sqfs_extents *m = &f->marks[MIN(mark, (uint64_t)f->marked - 1)];
		if (from == NULL || m->offset > from->offset)
			from = m;
	}
	if (from == NULL && sqfs_extents_open(w->reader, &f->inode, &f->at, &w->err) < 0)
		return (int)worker_failed(w);
	if (from != NULL && from != &f->at)
		f->at = *from;
	return 0;
}

static int file_get(struct worker *w, uint64_t node, uint64_t offset, struct open_file **file)
{
	if (node == 0) /* what marks a free slot is nobody's */
		return -ENOENT;
	struct open_file *f = &w->files[(node >> 4 ^ node >> 16) % FILE_SLOTS];
	if (f->node != node) {
		int r = file_open(w, node, f);
		if (r < 0)
			return r;
	}
	*file = f;
	return file_seek(w, f, offset);
}

/* Copy bytes [FROM, FROM + LEN) of an extent. */
static int copy_extent(
	struct worker *w, const struct sqfs_extent *e, uint32_t from, uint32_t len, uint8_t *out)
{
	if (e->kind == SQFS_EXTENT_HOLE) {
		memset(out, 0, len);
		return 0;
	}
	if (e->kind == SQFS_EXTENT_BLOCK && len == e->len)
		return sqfs_block_read(w->reader, e, out, &w->err);
	struct sqfs_data data;
	if (sqfs_data_get(w->reader, e, &data, &w->err) < 0)
		return -1;
	memcpy(out, data.bytes + from, len);
	sqfs_data_release(w->reader, &data);
	if (e->kind == SQFS_EXTENT_FRAGMENT)
		prefetch_after_fragment(w->server, e);
	return 0;
}

static ssize_t read_range(struct worker *w, struct open_file *f, uint64_t offset, size_t len)
{
	uint8_t *out = worker_room(w, len);
	uint64_t end = offset + len;
	struct sqfs_extent e;
	for (uint64_t at = offset; at < end;) {
		struct sqfs_extents here = f->at;
		int r = file_next(w, f, &e);
		if (r == 0)
			return -EIO; /* cannot be: END is not beyond the file's size */
		if (r > 0) {
			if (e.offset + e.len <= at)
				continue;
			uint32_t from = (uint32_t)(at - e.offset);
			uint32_t part = (uint32_t)MIN((uint64_t)e.len - from, end - at);
			r = copy_extent(w, &e, from, part, out + (at - offset));
			if (r == 0 && e.kind == SQFS_EXTENT_BLOCK && from == 0 && part < e.len &&
				e.len > REQUEST_DATA_BYTES)
				prefetch_after_block(w, &f->at);
			at += part;
			if (r == 0 && at == end && from + part < e.len)
				f->at = here; /* the next read will want the rest of it */
		}
		if (r < 0) {
			file_forget(f);
			return worker_failed(w);
		}
	}
	return (ssize_t)len;
}

ssize_t op_read(struct worker *w, const struct request *req)
{
	const struct fuse_read_in *in = req->arg;
	struct fuse_server *s = w->server;
	struct open_file *f;

	bool is_early = atomic_fetch_add(&s->reads, 1) < EARLY_READS;
	if (atomic_fetch_add(&s->busy, 1) + 1 >= s->workers && s->workers < s->workers_max && !is_early &&
		!w->is_companion)
		server_grow(s);
	ssize_t r = file_get(w, req->in->nodeid, in->offset, &f);
	if (r == 0 && in->offset < f->inode.size) {
		uint64_t left = f->inode.size - in->offset;
		size_t len = (size_t)MIN(MIN((uint64_t)in->size, left), REPLY_BYTES);
		if (stored_send(w, req, f, in->offset, len))
			r = NO_REPLY;
		else
			r = read_range(w, f, in->offset, len);
	}
	atomic_fetch_sub(&s->busy, 1);
	return r;
}

/* SEEK_DATA and SEEK_HOLE: what is not stored is a hole, and so is the end. */
ssize_t op_lseek(struct worker *w, const struct request *req)
{
	const struct fuse_lseek_in *in = req->arg;
	struct open_file *f;
	struct sqfs_extent e;
	if (in->whence != SEEK_DATA && in->whence != SEEK_HOLE)
		return -EINVAL;
	int r = file_get(w, req->in->nodeid, in->offset, &f);
	if (r < 0)
		return r;
	if (in->offset >= f->inode.size)
		return -ENXIO;
	struct fuse_lseek_out out = { .offset = in->offset };
	while ((r = file_next(w, f, &e)) > 0) {
		if (e.offset + e.len <= in->offset ||
			(e.kind == SQFS_EXTENT_HOLE) == (in->whence == SEEK_DATA))
			continue;
		out.offset = MAX(in->offset, e.offset);
		return worker_answer(w, &out, sizeof(out));
	}
	if (r < 0) {
		file_forget(f);
		return worker_failed(w);
	}
	out.offset = f->inode.size;
	return in->whence == SEEK_DATA ? -ENXIO : worker_answer(w, &out, sizeof(out));
}
