/*
 * Data that are not compressed go from the image's pages into the kernel's answer by splice(2): one copy, where reading and
 * writing make two. A request is served so as a whole, or not at all.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/memory.h"
#include "sandbox/fuse/private.h"

#define LEN_MIN (64u * 1024) /* of a request: for less, the calls cost more than the copy */
#define PIPE_BYTES \
	(256 * 1024) /* 64 pages: a request's, its header's, and those that it begins and ends in */

/*
 * Whether the bytes [OFFSET, OFFSET + LEN) lie in the image as they are, one after the other from *DISK on. F is then where
 * the next read will go on.
 */
static bool find_range(struct worker *w, struct open_file *f, uint64_t offset, size_t len, uint64_t *disk)
{
	uint64_t end = offset + len;
	struct sqfs_extent e;
	for (uint64_t at = offset; at < end;) {
		struct sqfs_extents here = f->at;
		if (file_next(w, f, &e) <= 0)
			return false;
		if (e.offset + e.len <= at)
			continue;
		if (e.kind != SQFS_EXTENT_BLOCK || !e.stored || e.disk_len != e.len)
			return false;
		uint64_t place = e.disk + (at - e.offset);
		if (at == offset)
			*disk = place;
		if (place != *disk + (at - offset))
			return false;
		at = MIN(e.offset + e.len, end);
		if (at < e.offset + e.len)
			f->at = here;
	}
	uint64_t bytes = sqfs_image_info(w->server->image)->bytes;
	return len <= bytes && *disk <= bytes - len;
}

static bool open_pipe(struct worker *w)
{
	int ends[2];
	if (w->pipe_state != PIPE_CLOSED)
		return w->pipe_state == PIPE_OPEN;
	w->pipe_state = PIPE_USELESS;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return false;
	if (fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES) < PIPE_BYTES) { /* the user has too many */
		close(ends[0]);
		close(ends[1]);
		return false;
	}
	w->pipe_state = PIPE_OPEN;
	w->pipe[0] = ends[0];
	w->pipe[1] = ends[1];
	return true;
}

void stored_close(struct worker *w)
{
	if (w->pipe_state != PIPE_OPEN)
		return;
	close(w->pipe[0]);
	close(w->pipe[1]);
	w->pipe_state = PIPE_CLOSED;
}

static bool fill_pipe(struct worker *w, const struct fuse_out_header *head, uint64_t disk, size_t len)
{
	off_t at = (off_t)(w->server->image_offset + disk);
	if (write(w->pipe[1], head, sizeof(*head)) != sizeof(*head))
		return false;
	while (len > 0) {
		ssize_t n = splice(w->server->image_fd, &at, w->pipe[1], NULL, len, SPLICE_F_NONBLOCK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) /* EINVAL: a file system that cannot; 0: the file has become shorter */
			return false;
		len -= (size_t)n;
	}
	return true;
}

static bool empty_pipe(struct worker *w, size_t len)
{
	ssize_t n;
	do {
		n = splice(w->pipe[0], NULL, w->device, NULL, len, 0);
	} while (n < 0 && errno == EINTR);
	if (n == (ssize_t)len)
		return true;
	bool is_interrupted = n < 0 && errno == ENOENT; /* the request: nobody waits for an answer */
	stored_close(w);
	return is_interrupted;
}

bool stored_send(
	struct worker *w, const struct request *req, struct open_file *f, uint64_t offset, size_t len)
{
	struct sqfs_extents before = f->at;
	uint64_t disk = 0;
	if (len < LEN_MIN || !open_pipe(w))
		return false;
	const struct fuse_out_header head = {
		.len = (uint32_t)(sizeof(head) + len),
		.unique = req->in->unique,
	};
	bool found = find_range(w, f, offset, len, &disk);
	bool full = found && fill_pipe(w, &head, disk, len);
	if (full && empty_pipe(w, head.len))
		return true;
	if (found && !full) { /* something is left in it */
		stored_close(w);
		w->pipe_state = PIPE_USELESS;
	}
	error_clear(&w->err); /* who reads meets it again */
	f->at = before;
	return false;
}
