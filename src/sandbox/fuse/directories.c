/*
 * Listings. A position that the kernel remembers is 2 + the bytes of the listing up to there: 1 stands behind ".",
 * 2 behind "..". To come back to one, a reader would walk from the beginning; so where each answer began and
 * ended is kept for a while, for all workers.
 */
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "sandbox/fuse/private.h"

#define DOTS 2u

struct listing {
	struct worker *w;
	uint64_t node;
	const struct sqfs_inode *inode;
	struct sqfs_dir at;
	uint64_t skip; /* bytes of the listing that were asked for earlier */
	bool plus;
	bool bare; /* attributes of directories only */
	unsigned bare_names;
	uint8_t *out;
	size_t room, used;
};

static void remember(struct listing *l)
{
	struct fuse_server *s = l->w->server;
	uint32_t consumed = (uint32_t)(l->inode->size - l->at.left);
	if (consumed == 0)
		return;
	pthread_mutex_lock(&s->lock);
	s->cursors[s->next_cursor++ % DIRECTORY_CURSORS] =
		(struct directory_cursor){ .node = l->node, .consumed = consumed, .at = l->at };
	pthread_mutex_unlock(&s->lock);
}

/* The nearest known position that is not behind SKIP. */
static void recall(struct listing *l)
{
	struct fuse_server *s = l->w->server;
	const struct directory_cursor *best = NULL;
	pthread_mutex_lock(&s->lock);
	for (unsigned i = 0; i < DIRECTORY_CURSORS; i++) {
		const struct directory_cursor *c = &s->cursors[i];
		if (c->node == l->node && c->consumed <= l->skip &&
			(best == NULL || c->consumed > best->consumed))
			best = c;
	}
	if (best != NULL)
		l->at = best->at;
	pthread_mutex_unlock(&s->lock);
}

/* Append one entry, if it fits; INODE NULL: no node comes with it. */
static bool emit(struct listing *l, const char *name, size_t len, uint64_t number, unsigned type,
	uint64_t offset, const struct sqfs_inode *inode)
{
	size_t head = l->plus ? FUSE_NAME_OFFSET_DIRENTPLUS : FUSE_NAME_OFFSET;
	size_t size = FUSE_DIRENT_ALIGN(head + len);
	if (size > l->room - l->used)
		return false;
	uint8_t *out = l->out + l->used;
	memset(out, 0, head);
	memset(out + size - sizeof(uint64_t), 0, sizeof(uint64_t)); /* the padding, before the name */
	if (l->plus && inode != NULL)
		fill_entry(l->w->server, inode, (struct fuse_entry_out *)out);
	struct fuse_dirent *entry = (struct fuse_dirent *)(out + head - FUSE_NAME_OFFSET);
	entry->ino = number;
	entry->off = offset;
	entry->namelen = (uint32_t)len;
	entry->type = type_mode(type) >> 12;
	memcpy(entry->name, name, len);
	l->used += size;
	return true;
}

static bool emit_dots(struct listing *l, uint64_t offset)
{
	uint64_t parent = l->node == FUSE_ROOT_ID ? l->inode->number : l->inode->dir.parent;
	if (offset < 1 && !emit(l, ".", 1, l->inode->number, SQFS_DIR, 1, NULL))
		return false;
	return offset >= DOTS || emit(l, "..", 2, parent, SQFS_DIR, DOTS, NULL);
}

/* Returns 1 to go on, 0 when the answer is full or the listing ends, -1 after a failure. */
static int emit_next(struct listing *l)
{
	struct sqfs_dir before = l->at;
	struct sqfs_entry entry;
	struct sqfs_inode inode;
	int r = sqfs_dir_next(l->w->reader, &l->at, &entry, &l->w->err);
	if (r <= 0)
		return r;
	uint64_t consumed = l->inode->size - l->at.left;
	if (consumed <= l->skip)
		return 1;
	const struct sqfs_inode *with = NULL;
	if (l->plus && (!l->bare || entry.type == SQFS_DIR)) {
		if (sqfs_inode(l->w->reader, entry.ref, &inode, &l->w->err) == 0)
			with = &inode;
		else
			worker_failed(l->w); /* the name is there; who looks it up gets the error */
	}
	uint64_t number = with != NULL ? with->number : entry.number;
	unsigned type = with != NULL ? with->type : entry.type;
	if (emit(l, entry.name, entry.name_len, number, type, DOTS + consumed, with)) {
		l->bare_names += with == NULL;
		return 1;
	}
	l->at = before;
	return 0;
}

static ssize_t read_directory(struct worker *w, const struct request *req, bool plus)
{
	const struct fuse_read_in *in = req->arg;
	struct sqfs_inode inode;
	int r = node_inode(w, req->in->nodeid, &inode);
	if (r < 0)
		return r;
	if (inode.type != SQFS_DIR)
		return -ENOTDIR;
	struct listing l = {
		.w = w,
		.node = req->in->nodeid,
		.inode = &inode,
		.plus = plus,
		.skip = in->offset > DOTS ? in->offset - DOTS : 0,
		.room = MIN(in->size, REPLY_BYTES),
	};
	l.out = worker_room(w, l.room);
	if (sqfs_dir_open(w->reader, &inode, &l.at, &w->err) < 0)
		return worker_failed(w);
	if (l.skip > 0)
		recall(&l);
	if (plus)
		l.bare = l.skip > 0 ? interest_goes_on(w->server, l.node)
				    : interest_begin(w->server, l.node, &inode);
	if (!emit_dots(&l, in->offset))
		return (ssize_t)l.used;
	do {
		r = emit_next(&l);
	} while (r > 0);
	/* What was read before a corrupt place is given first; the next request meets it again. */
	if (r < 0 && l.used == 0)
		return worker_failed(w);
	error_clear(&w->err);
	remember(&l);
	if (plus && l.skip == 0)
		interest_listed(w->server, l.node, l.bare_names);
	return (ssize_t)l.used;
}

ssize_t op_readdir(struct worker *w, const struct request *req)
{
	return read_directory(w, req, false);
}

ssize_t op_readdirplus(struct worker *w, const struct request *req)
{
	return read_directory(w, req, true);
}
