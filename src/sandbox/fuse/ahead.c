/*
 * Programs, ahead of their use. A program that has been looked up while a container starts will be executed: its
 * pages, which the kernel would ask for one fault after the other, are decoded by another thread and stored into the
 * page cache (FUSE_NOTIFY_STORE) while the start goes on.
 */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/memory.h"
#include "sandbox/fuse/prefetch.h"

#define FILE_BYTES_MAX (4u << 20) /* the shell and libc are smaller */
#define BYTES_MAX      (8u << 20)

/* Some distributions' libraries have no mode to be executed. */
static bool is_program(const char *name, const struct sqfs_inode *inode)
{
	return inode->type == SQFS_FILE && inode->size <= FILE_BYTES_MAX &&
	       ((inode->mode & 0111) != 0 || strstr(name, ".so") != NULL);
}

/* Names may be many of one file: each file once. */
static bool is_seen(struct prefetch *p, uint64_t ref)
{
	for (unsigned i = 0; i < p->seen_count; i++) {
		if (p->seen[i] == ref)
			return true;
	}
	return false;
}

void ahead_wish(struct fuse_server *s, const char *name, const struct sqfs_inode *inode)
{
	struct prefetch *p = s->prefetch;
	if (p == NULL || !is_program(name, inode) || p->seen_count == AHEAD_FILES || is_seen(p, inode->ref))
		return;
	p->seen[p->seen_count++] = inode->ref;
	pthread_mutex_lock(&p->lock);
	p->files[p->file_count++] = *inode;
	pthread_cond_signal(&p->wished);
	pthread_mutex_unlock(&p->lock);
}

static int store(
	struct prefetch *p, uint64_t node, const struct sqfs_extent *e, const void *bytes, uint32_t len)
{
	struct fuse_notify_store_out store = { .nodeid = node, .offset = e->offset, .size = len };
	struct fuse_out_header head = {
		.len = (uint32_t)(sizeof(head) + sizeof(store) + len),
		.error = FUSE_NOTIFY_STORE,
	};
	struct iovec parts[] = { { &head, sizeof(head) }, { &store, sizeof(store) }, { (void *)bytes, len } };
	return writev(p->server->devices[0], parts, ARRAY_SIZE(parts)) < 0 ? -1 : 0;
}

/*
 * Whole pages only: many kernels leave what is behind the end of a file in its last page as it was before it was a page
 * of this file. The node may be known to the kernel a little later than the answer to the lookup is sent: ENOENT. After any
 * other failure, READ does without us.
 */
void ahead_store(struct prefetch *p, const struct sqfs_inode *file)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct sqfs_extents at;
	struct sqfs_extent e;
	struct sqfs_data data;
	uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE);
	if (sqfs_extents_open(p->reader, file, &at, &err) < 0)
		return;
	while (p->stored < BYTES_MAX && sqfs_extents_next(p->reader, &at, &e, &err) > 0) {
		uint32_t len = e.len - e.len % page;
		if (e.kind == SQFS_EXTENT_HOLE || len == 0)
			continue;
		if (sqfs_data_get(p->reader, &e, &data, &err) < 0)
			return;
		int r = store(p, node_of_ref(p->server, file->ref), &e, data.bytes, len);
		sqfs_data_release(p->reader, &data);
		if (r < 0 && errno != ENOENT)
			return;
		p->stored += len;
	}
}
