/* rootfs/extract_file.c - files, links and the rest of what is no directory */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/publish.h"
#include "rootfs/extract_private.h"

#define CHUNK_EXTENTS 16u /* blocks that a thread takes of a large file */
#define LARGE_BLOCKS  (2 * CHUNK_EXTENTS)

static int fail_at(const struct node *dir, const char *name, const char *what, struct error *err)
{
	int code = errno;
	_cleanup_free_ char *path = node_path(dir, name);
	errno = code;
	return error_errno(err, "cannot %s %s", what, path);
}

static int corrupt(const struct node *dir, const char *name, const char *what, struct error *err)
{
	_cleanup_free_ char *path = node_path(dir, name);
	return error_set(err, EUCLEAN, "corrupt squashfs image: %s: %s", path, what);
}

static int count_bytes(struct extraction *x, uint32_t len, struct error *err)
{
	progress_add(x->options.progress, len);
	if (atomic_fetch_add(&x->bytes, len) + len <= x->options.max_bytes)
		return 0;
	error_set(err, EFBIG, "the image has more than %" PRIu64 " bytes of data", x->options.max_bytes);
	return error_hint(err, "raise ENROOT_LIMIT_BYTES");
}

static int write_extent(struct worker *w, int fd, const struct sqfs_extent *e, struct error *err)
{
	struct sqfs_data data = { .bytes = w->buffer };
	if (count_bytes(w->x, e->len, err) < 0)
		return -1;
	if (e->kind == SQFS_EXTENT_BLOCK ? sqfs_block_read(w->reader, e, w->buffer, err) < 0
					 : sqfs_data_get(w->reader, e, &data, err) < 0)
		return -1;
	int r = fd_pwrite_full(fd, data.bytes, e->len, e->offset);
	int code = errno;
	if (e->kind == SQFS_EXTENT_FRAGMENT)
		sqfs_data_release(w->reader, &data);
	errno = code;
	return r < 0 ? error_errno(err, "cannot write") : 0;
}

/* Write COUNT extents from IT on. *END becomes the end of what was written. */
static int write_extents(
	struct worker *w, int fd, struct sqfs_extents *it, unsigned count, uint64_t *end, struct error *err)
{
	struct sqfs_extent e;
	int n = 1;
	for (; count > 0 && !w->x->failed && (n = sqfs_extents_next(w->reader, it, &e, err)) == 1; count--) {
		if (e.kind == SQFS_EXTENT_HOLE)
			continue;
		if (interrupt_check(err) < 0 || write_extent(w, fd, &e, err) < 0)
			return -1;
		*end = e.offset + e.len;
	}
	return n < 0 ? -1 : 0;
}

/* ---- large files: their chunks are tasks ---- */

int extract_file_release(struct worker *w, struct shared_file *f, struct error *err)
{
	int r = 0;
	if (--f->chunks != 0)
		return 0;
	if (!w->x->failed && extract_finish_fd(w, f->fd, &f->inode, 0, err) < 0)
		r = error_prefix(err, "%s", f->name);
	close(f->fd);
	free(f->name);
	free(f);
	return r;
}

static int chunk_task(struct worker *w, struct task *task, struct error *err)
{
	uint64_t end = 0;
	int r = write_extents(w, task->file->fd, &task->extents, task->count, &end, err);
	if (r < 0)
		error_prefix(err, "%s", task->file->name);
	_cleanup_error_ struct error later = ERROR_INIT;
	if (extract_file_release(w, task->file, r < 0 ? &later : err) < 0)
		r = -1;
	return r;
}

static bool want_chunks(struct extraction *x)
{
	pthread_mutex_lock(&x->lock);
	bool want = x->chunks < 2 * x->options.threads;
	pthread_mutex_unlock(&x->lock);
	return want;
}

/* Cut a large file into chunks; those that nobody would take up soon are written here. */
static int write_large(struct worker *w, struct shared_file *f, struct error *err)
{
	struct sqfs_extents it;
	uint64_t end = 0;
	/* The size first: chunks come in any order, and the end may be a hole. */
	if (ftruncate(f->fd, (off_t)f->inode.size) < 0)
		return error_errno(err, "cannot write");
	if (sqfs_extents_open(w->reader, &f->inode, &it, err) < 0)
		return -1;
	while (it.offset < it.size && !w->x->failed) {
		if (!want_chunks(w->x)) {
			if (write_extents(w, f->fd, &it, CHUNK_EXTENTS, &end, err) < 0)
				return -1;
			continue;
		}
		struct task *task = task_new(NULL, "");
		task->run = chunk_task;
		task->file = f;
		task->extents = it;
		task->count = CHUNK_EXTENTS;
		f->chunks++;
		task_push(w->x, task);
		struct sqfs_extent e;
		int n = 1;
		for (unsigned i = 0; n == 1 && i < CHUNK_EXTENTS; i++)
			n = sqfs_extents_next(w->reader, &it, &e, err);
		if (n < 0)
			return -1;
	}
	return 0;
}

static int fill_large(struct worker *w, struct node *dir, const char *name, int fd,
	const struct sqfs_inode *inode, struct error *err)
{
	struct shared_file *f = xcalloc(1, sizeof(*f));
	f->name = node_path(dir, name);
	f->inode = *inode;
	f->fd = fd;
	f->chunks = 1;
	int r = write_large(w, f, err);
	if (r < 0)
		error_prefix(err, "%s", f->name);
	_cleanup_error_ struct error later = ERROR_INIT;
	if (extract_file_release(w, f, r < 0 ? &later : err) < 0)
		r = -1;
	return r;
}

/* ---- all files ---- */

static int write_small(struct worker *w, int fd, const struct sqfs_inode *inode, struct error *err)
{
	struct sqfs_extents it;
	uint64_t end = 0;
	if (sqfs_extents_open(w->reader, inode, &it, err) < 0 ||
		write_extents(w, fd, &it, UINT32_MAX, &end, err) < 0)
		return -1;
	if (end < inode->size && !w->x->failed && ftruncate(fd, (off_t)inode->size) < 0)
		return error_errno(err, "cannot write");
	return 0;
}

/* Fill and finish the new file FD, which is taken over. */
static int fill_file(struct worker *w, struct node *dir, const char *name, int fd,
	const struct sqfs_inode *inode, struct error *err)
{
	if (w->x->options.threads > 1 && inode->file.blocks >= LARGE_BLOCKS)
		return fill_large(w, dir, name, fd, inode, err);
	int r = inode->size != 0 ? write_small(w, fd, inode, err) : 0;
	if (r == 0 && !w->x->failed)
		r = extract_finish_fd(w, fd, inode, dir->depth + 1, err);
	close(fd);
	if (r < 0) {
		_cleanup_free_ char *path = node_path(dir, name);
		error_prefix(err, "%s", path);
	}
	return r;
}

static int create_symlink(struct worker *w, struct node *dir, const char *name,
	const struct sqfs_inode *inode, struct error *err)
{
	_cleanup_free_ char *target = sqfs_symlink(w->reader, inode, err);
	if (target == NULL)
		return -1;
	if (symlinkat(target, dir->fd, name) < 0)
		return errno == EEXIST ? 1 : fail_at(dir, name, "create the symlink", err);
	return 0;
}

/* new_encode_dev of the kernel: 12 bits of major, 20 of minor. */
static dev_t decode_dev(uint32_t rdev)
{
	return makedev(rdev >> 8 & 0xfff, (rdev & 0xff) | (rdev >> 12 & 0xfff00));
}

static bool is_device(const struct sqfs_inode *inode)
{
	return inode->type == SQFS_BLOCK_DEVICE || inode->type == SQFS_CHAR_DEVICE;
}

static int create_special(struct worker *w, struct node *dir, const char *name,
	const struct sqfs_inode *inode, struct error *err)
{
	static const mode_t types[] = {
		[SQFS_BLOCK_DEVICE] = S_IFBLK,
		[SQFS_CHAR_DEVICE] = S_IFCHR,
		[SQFS_FIFO] = S_IFIFO,
	};
	mode_t mode = types[inode->type] | (extract_mode(w->x, inode, 0) & 07777);
	if (mknodat(dir->fd, name, mode, decode_dev(inode->rdev)) == 0)
		return 0;
	if (errno == EPERM && is_device(inode)) { /* root, but only in a user namespace */
		w->x->skipped_devices++;
		return 2;
	}
	return errno == EEXIST ? 1 : fail_at(dir, name, "create", err);
}

/*
 * Create NAME, without its contents. *FD becomes the file where it is one. Returns 0, 1 if the name is there
 * already, 2 if it was left out, -1 with ERR.
 */
static int create_name(struct worker *w, struct node *dir, const char *name, const struct sqfs_inode *inode,
	int *fd, struct error *err)
{
	if (inode->type == SQFS_SYMLINK)
		return create_symlink(w, dir, name, inode, err);
	if (inode->type != SQFS_FILE)
		return create_special(w, dir, name, inode, err);
	mode_t mode = extract_create_mode(w->x, inode, dir->depth + 1);
	*fd = openat(dir->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (*fd < 0)
		return errno == EEXIST ? 1 : fail_at(dir, name, "create", err);
	return 0;
}

/* ---- hard links ---- */

/*
 * The first name of an inode is linked into a directory of our own, from which all further ones are made: no
 * thread waits for another's directory, and none has to be opened or touched again.
 */
static int open_links_dir(struct extraction *x, struct error *err)
{
	if (x->links_dir >= 0)
		return 0;
	x->links_name = publish_temp_name();
	if (mkdirat(x->root->fd, x->links_name, 0700) < 0)
		return error_errno(err, "cannot create a directory for hard links");
	x->links_dir = openat(x->root->fd, x->links_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return x->links_dir < 0 ? error_errno(err, "cannot open the directory for hard links") : 0;
}

static void link_name(uint64_t number, char name[24])
{
	snprintf(name, 24, "%" PRIu64, number);
}

/* Create the first name, and link it into the directory of links as ANCHOR. Under the lock. */
static int create_first(struct worker *w, struct node *dir, const char *name, const struct sqfs_inode *inode,
	const char *anchor, int *fd, struct error *err)
{
	int r = open_links_dir(w->x, err);
	if (r == 0)
		r = create_name(w, dir, name, inode, fd, err);
	if (r == 0 && linkat(dir->fd, name, w->x->links_dir, anchor, 0) < 0)
		r = fail_at(dir, name, "link", err);
	return r;
}

/*
 * The file system gives no inode as many names (ext4: 65,000): another one begins, as if this were its first name, and
 * is filled from the image. 0 if the name could be linked after all, because somebody else did that meanwhile.
 */
static int create_again(struct worker *w, struct node *dir, const char *name, const struct sqfs_inode *inode,
	const char *anchor, int *fd, bool *first, struct error *err)
{
	struct extraction *x = w->x;
	int r = 0;
	pthread_mutex_lock(&x->links_lock);
	*first = linkat(x->links_dir, anchor, dir->fd, name, 0) < 0;
	if (*first && errno == EMLINK && unlinkat(x->links_dir, anchor, 0) == 0) {
		x->inodes--; /* of the image: it counts once */
		r = create_first(w, dir, name, inode, anchor, fd, err);
	} else if (*first)
		r = errno == EEXIST ? 1 : fail_at(dir, name, "link", err);
	pthread_mutex_unlock(&x->links_lock);
	return r;
}

/* As create_name(); *FIRST says whether this was the first name of its inode here. */
static int create_linked(struct worker *w, struct node *dir, const char *name, const struct sqfs_inode *inode,
	int *fd, bool *first, struct error *err)
{
	struct extraction *x = w->x;
	char anchor[24];
	int r = 0;
	pthread_mutex_lock(&x->links_lock);
	bool found;
	uint64_t *number = refmap_get(&x->links, inode->ref, &found);
	*first = !found;
	if (!found)
		*number = x->link_count++;
	link_name(*number, anchor);
	if (!found)
		r = create_first(w, dir, name, inode, anchor, fd, err);
	pthread_mutex_unlock(&x->links_lock);
	if (!found || linkat(x->links_dir, anchor, dir->fd, name, 0) == 0)
		return r;
	if (errno == EMLINK)
		return create_again(w, dir, name, inode, anchor, fd, first, err);
	return errno == EEXIST ? 1 : fail_at(dir, name, "link", err);
}

int extract_links_finish(struct extraction *x, struct error *err)
{
	if (x->links_dir < 0)
		return 0;
	int r = 0;
	for (uint64_t i = 0; r == 0 && i < x->link_count; i++) {
		char name[24];
		link_name(i, name);
		r = unlinkat(x->links_dir, name, 0);
	}
	if (r < 0 || unlinkat(x->root->fd, x->links_name, AT_REMOVEDIR) < 0)
		return error_errno(err, "cannot remove the directory for hard links");
	return 0;
}

/* ---- one entry ---- */

/* Sockets mean nothing without their server; devices are for root alone. */
static bool is_skipped(struct extraction *x, const struct sqfs_inode *inode)
{
	if (inode->type == SQFS_SOCKET)
		x->skipped_sockets++;
	else if (is_device(inode) && !x->rules.is_root)
		x->skipped_devices++;
	else
		return false;
	return true;
}

int extract_entry(struct worker *w, struct node *dir, const struct sqfs_entry *entry, struct error *err)
{
	struct extraction *x = w->x;
	struct sqfs_inode inode;
	bool first = true;
	int fd = -1, r;
	if (sqfs_inode(w->reader, entry->ref, &inode, err) < 0)
		return -1;
	if (inode.type != entry->type)
		return corrupt(dir, entry->name, "its entry and its inode differ in type", err);
	if (is_skipped(x, &inode))
		return 0;
	if (inode.nlink > 1 && !is_device(&inode))
		r = create_linked(w, dir, entry->name, &inode, &fd, &first, err);
	else
		r = create_name(w, dir, entry->name, &inode, &fd, err);
	if (r == 0 && first && ++x->inodes > x->info->inodes)
		r = corrupt(dir, entry->name, "there are more entries than inodes", err);
	if (r == 1)
		r = corrupt(dir, entry->name, "the name is there twice", err);
	progress_add_entry(x->options.progress);
	if (r != 0 || !first) {
		if (fd >= 0)
			close(fd);
		return r < 0 ? -1 : 0;
	}
	if (fd >= 0)
		return fill_file(w, dir, entry->name, fd, &inode, err);
	return extract_finish_name(w, dir->fd, entry->name, &inode, err);
}
