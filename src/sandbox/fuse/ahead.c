/*
 * Programs, ahead of their use. A program that has been looked up while a container starts will be executed: its
 * pages, which the kernel would ask for one fault after the other, are decoded by another thread and stored into the
 * page cache (FUSE_NOTIFY_STORE) while the start goes on.
 */
#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/memory.h"
#include "sandbox/fuse/prefetch.h"

#define FILE_BYTES_MAX (4u << 20) /* the shell and libc are smaller */
#define BYTES_MAX      (8u << 20)

void ahead_wish(struct fuse_server *s, const struct sqfs_inode *inode)
{
	struct prefetch *p = s->prefetch;
	if (p == NULL || inode->type != SQFS_FILE || (inode->mode & 0111) == 0 ||
		inode->size > FILE_BYTES_MAX)
		return;
	pthread_mutex_lock(&p->lock);
	if (p->file_count < AHEAD_FILES)
		p->files[p->file_count++] = *inode;
	pthread_cond_signal(&p->wished);
	pthread_mutex_unlock(&p->lock);
}

static int store(struct prefetch *p, uint64_t node, const struct sqfs_extent *e, const uint8_t *bytes)
{
	struct fuse_notify_store_out store = { .nodeid = node, .offset = e->offset, .size = e->len };
	struct fuse_out_header head = {
		.len = (uint32_t)(sizeof(head) + sizeof(store) + e->len),
		.error = FUSE_NOTIFY_STORE,
	};
	struct iovec parts[] = { { &head, sizeof(head) }, { &store, sizeof(store) },
		{ (void *)bytes, e->len } };
	return writev(p->server->devices[0], parts, ARRAY_SIZE(parts)) < 0 ? -1 : 0;
}

/*
 * The node may be known to the kernel a little later than the answer to the lookup is sent: ENOENT. What is in the way of
 * one block will be for the next ones: READ does without us.
 */
void ahead_store(struct prefetch *p, const struct sqfs_inode *file)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct sqfs_extents at;
	struct sqfs_extent e;
	struct sqfs_data data;
	if (sqfs_extents_open(p->reader, file, &at, &err) < 0)
		return;
	while (p->stored < BYTES_MAX && sqfs_extents_next(p->reader, &at, &e, &err) > 0) {
		if (e.kind == SQFS_EXTENT_HOLE)
			continue;
		if (sqfs_data_get(p->reader, &e, &data, &err) < 0)
			return;
		int r = store(p, node_of_ref(p->server, file->ref), &e, data.bytes);
		sqfs_data_release(p->reader, &data);
		if (r < 0 && errno != ENOENT)
			return;
		p->stored += e.len;
	}
}
