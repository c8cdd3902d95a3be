#include "rootfs/scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "rootfs/scan_private.h"

#define STATX_WANTED (STATX_BASIC_STATS | STATX_MNT_ID)
#define LISTING_SIZE (64 * 1024)
#define MAX_OPEN     256u /* levels kept open; those above are reopened on the way back */

struct name {
	uint32_t offset; /* in the level's names */
	uint8_t type;    /* DT_* */
};

/* A directory on the way down. */
struct level {
	int fd; /* -1: closed for now */
	uint32_t node;
	uint64_t ino;
	bool is_dev; /* the root's /dev: its entries are left out */
	struct buffer names;
	struct name *list;
	size_t count, capacity, next;
};

struct walk {
	struct scan *s;
	struct level *levels;
	size_t depth, capacity;
	char *listing; /* for getdents64(2) */
};

static int fail(struct walk *w, const char *name, const char *what, struct error *err)
{
	int code = errno;
	struct level *l = &w->levels[w->depth - 1];
	_cleanup_free_ char *dir = tree_path(w->s->tree, l->node);
	errno = code;
	return error_errno(err, "cannot %s %s/%s%s%s", what, w->s->path, dir, *dir != '\0' ? "/" : "", name);
}

/* ---- levels ---- */

static int compare(const void *a, const void *b, void *names)
{
	const char *text = names;
	return strcmp(text + ((const struct name *)a)->offset, text + ((const struct name *)b)->offset);
}

/* Is NAME something that only a running container needs? */
static bool is_runtime(const struct walk *w, const struct level *l, const char *name)
{
	if (l->is_dev)
		return true;
	return w->depth == 1 && (str_eq(name, ".lock") || str_eq(name, ".enroot"));
}

static int list(struct walk *w, struct level *l, struct error *err)
{
	ssize_t n;
	while ((n = getdents64(l->fd, w->listing, LISTING_SIZE)) > 0) {
		for (char *p = w->listing; p < w->listing + n;) {
			const struct dirent64 *e = (const void *)p;
			p += e->d_reclen;
			if (str_eq(e->d_name, ".") || str_eq(e->d_name, "..") || is_runtime(w, l, e->d_name))
				continue;
			grow_array(&l->list, &l->capacity, l->count + 1);
			l->list[l->count++] =
				(struct name){ .offset = (uint32_t)l->names.len, .type = e->d_type };
			buffer_append(&l->names, e->d_name, strlen(e->d_name) + 1);
			if (l->names.len > UINT32_MAX / 2)
				return error_set(err, EFBIG, "a directory in %s is too large", w->s->path);
		}
	}
	if (n < 0)
		return fail(w, "", "list", err);
	if (l->count > 1)
		qsort_r(l->list, l->count, sizeof(*l->list), compare, l->names.data);
	return 0;
}

static int push(struct walk *w, int fd, uint32_t node, const struct statx *st, bool is_dev, struct error *err)
{
	grow_array(&w->levels, &w->capacity, w->depth + 1);
	struct level *l = &w->levels[w->depth++];
	*l = (struct level){ .fd = fd, .node = node, .ino = st->stx_ino, .is_dev = is_dev };
	if (w->depth > MAX_OPEN) {
		struct level *above = &w->levels[w->depth - MAX_OPEN - 1];
		if (above->fd >= 0)
			close(above->fd);
		above->fd = -1;
	}
	return list(w, l, err);
}

/* Open the level above again through "..": it must be the directory that it was. */
static int reopen_above(struct walk *w, struct error *err)
{
	struct level *l = &w->levels[w->depth - 1], *above = l - 1;
	struct stat st;
	above->fd = openat(l->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (above->fd < 0 || fstat(above->fd, &st) < 0)
		return fail(w, "..", "open", err);
	if (st.st_ino != above->ino || st.st_dev != w->s->dev) {
		errno = ESTALE;
		return fail(w, "..", "find back from", err);
	}
	return 0;
}

static void level_cleanup(struct level *l)
{
	if (l->fd >= 0)
		close(l->fd);
	buffer_cleanup(&l->names);
	free(l->list);
}

static int pop(struct walk *w, struct error *err)
{
	int r = 0;
	if (w->depth > 1 && w->levels[w->depth - 2].fd < 0)
		r = reopen_above(w, err);
	level_cleanup(&w->levels[--w->depth]);
	return r;
}

/* ---- entries ---- */

static bool is_same_mount(const struct scan *s, const struct statx *st)
{
	bool has_mount = (st->stx_mask & STATX_MNT_ID) != 0;
	return makedev(st->stx_dev_major, st->stx_dev_minor) == s->dev &&
	       (!has_mount || !s->has_mount || st->stx_mnt_id == s->mount);
}

/* Left there by x-create as the target of a mount. */
static bool is_mount_target(const struct statx *st)
{
	return (st->stx_mode & 07777) == 0 &&
	       (S_ISDIR(st->stx_mode) || (S_ISREG(st->stx_mode) && st->stx_size == 0));
}

static uint32_t clamp_time(int64_t t)
{
	return t < 0 ? 0 : t > UINT32_MAX ? UINT32_MAX : (uint32_t)t;
}

static uint32_t add_inode(struct walk *w, const struct statx *st, enum tree_type type, uint32_t xattrs)
{
	const struct tree_inode inode = {
		.type = (uint8_t)type,
		.mode = st->stx_mode & 07777,
		.mtime = clamp_time(st->stx_mtime.tv_sec),
		.size = type == TREE_FILE ? st->stx_size : 0,
		.data = type == TREE_FILE ? TREE_NO_DATA : 0,
		.xattrs = xattrs,
	};
	return tree_add_inode(w->s->tree, &inode);
}

static uint32_t add_node(struct walk *w, const char *name, uint32_t inode)
{
	return tree_add(w->s->tree, w->levels[w->depth - 1].node, name, strlen(name), inode);
}

/* If this file was met by another name, make it a hard link. Otherwise note where its inode will be. */
static bool add_link(struct walk *w, const char *name, const struct statx *st, uint64_t **place)
{
	bool found = false;
	*place = NULL;
	if (st->stx_nlink > 1)
		*place = refmap_get(&w->s->links, st->stx_ino, &found);
	if (found)
		add_node(w, name, (uint32_t) * *place);
	return found;
}

/* Open what its owner closed to himself; the mode is as before when this returns. */
static int open_locked(int dir, const char *name, int flags)
{
	_cleanup_close_ int path = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	if (path < 0 || fstat(path, &st) < 0)
		return -1;
	char proc[64];
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", path);
	mode_t mode = st.st_mode & 07777;
	if (S_ISLNK(st.st_mode) || chmod(proc, mode | S_IRUSR | (S_ISDIR(st.st_mode) ? S_IXUSR : 0)) < 0) {
		errno = EACCES;
		return -1;
	}
	int fd = openat(dir, name, flags);
	/* A directory stays as it had to be: it is searched for as long as we are in it. */
	if (!S_ISDIR(st.st_mode))
		(void)chmod(proc, mode);
	return fd;
}

static int open_entry(int dir, const char *name, int extra)
{
	int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | extra;
	int fd = openat(dir, name, flags);
	return fd < 0 && errno == EACCES ? open_locked(dir, name, flags) : fd;
}

static int visit_file(struct walk *w, const char *name, const struct statx *st, int fd, struct error *err)
{
	_cleanup_close_ int file = fd;
	uint64_t *place;
	uint32_t xattrs;
	if (add_link(w, name, st, &place))
		return 0;
	if (scan_xattrs(w->s, file, &xattrs, err) < 0)
		return error_prefix(err, "%s/…/%s", w->s->path, name);
	uint32_t inode = add_inode(w, st, TREE_FILE, xattrs);
	if (place != NULL)
		*place = inode;
	return scan_data_add(w->s, add_node(w, name, inode), steal_fd(&file), st, err);
}

static int visit_dir(struct walk *w, const char *name, const struct statx *st, struct error *err)
{
	struct level *l = &w->levels[w->depth - 1];
	_cleanup_close_ int fd = open_entry(l->fd, name, O_DIRECTORY);
	struct statx now;
	uint32_t xattrs;
	if (fd < 0 || statx(fd, "", AT_EMPTY_PATH, STATX_WANTED, &now) < 0)
		return fail(w, name, "open", err);
	if (!is_same_mount(w->s, &now)) { /* mounted since we looked */
		w->s->report->mounts++;
		return 0;
	}
	if (scan_xattrs(w->s, fd, &xattrs, err) < 0)
		return error_prefix(err, "%s/…/%s", w->s->path, name);
	uint32_t node = add_node(w, name, add_inode(w, st, TREE_DIRECTORY, xattrs));
	bool is_dev = w->depth == 1 && str_eq(name, "dev");
	return push(w, steal_fd(&fd), node, &now, is_dev, err);
}

static int visit_symlink(struct walk *w, const char *name, const struct statx *st, struct error *err)
{
	char target[PATH_MAX];
	uint64_t *place;
	if (add_link(w, name, st, &place))
		return 0;
	ssize_t len = readlinkat(w->levels[w->depth - 1].fd, name, target, sizeof(target));
	if (len < 0)
		return fail(w, name, "read", err);
	uint32_t inode = add_inode(w, st, TREE_SYMLINK, TREE_NO_XATTRS);
	if (place != NULL)
		*place = inode;
	uint32_t text = tree_store_string(w->s->tree, target, (size_t)len);
	tree_inode(w->s->tree, inode)->target = text;
	add_node(w, name, inode);
	return 0;
}

static int visit_other(struct walk *w, const char *name, const struct statx *st)
{
	uint64_t *place;
	if (!S_ISFIFO(st->stx_mode)) {
		w->s->report->special++;
		return 0;
	}
	if (add_link(w, name, st, &place))
		return 0;
	uint32_t inode = add_inode(w, st, TREE_FIFO, TREE_NO_XATTRS);
	if (place != NULL)
		*place = inode;
	add_node(w, name, inode);
	return 0;
}

static int visit(struct walk *w, const char *name, uint8_t type, struct error *err)
{
	int dir = w->levels[w->depth - 1].fd;
	struct statx st;
	/* Files are the rule: opened first, looked at by descriptor. */
	_cleanup_close_ int fd =
		type == DT_REG ? openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
	int r = fd >= 0 ? statx(fd, "", AT_EMPTY_PATH, STATX_WANTED, &st)
			: statx(dir, name, AT_SYMLINK_NOFOLLOW, STATX_WANTED, &st);
	if (r < 0)
		return errno == ENOENT ? 0 : fail(w, name, "look at", err);
	if (!is_same_mount(w->s, &st)) {
		w->s->report->mounts++;
		return 0;
	}
	if (is_mount_target(&st))
		return 0;
	if (S_ISREG(st.stx_mode)) {
		if (fd < 0)
			fd = open_entry(dir, name, 0);
		return fd < 0 ? fail(w, name, "open", err) : visit_file(w, name, &st, steal_fd(&fd), err);
	}
	if (S_ISDIR(st.stx_mode))
		return visit_dir(w, name, &st, err);
	return S_ISLNK(st.stx_mode) ? visit_symlink(w, name, &st, err) : visit_other(w, name, &st);
}

static int begin(struct walk *w, int root, struct error *err)
{
	struct scan *s = w->s;
	struct statx st;
	uint32_t xattrs;
	int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || statx(fd, "", AT_EMPTY_PATH, STATX_WANTED, &st) < 0) {
		error_errno(err, "cannot open %s", s->path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	s->dev = makedev(st.stx_dev_major, st.stx_dev_minor);
	s->mount = st.stx_mnt_id;
	s->has_mount = (st.stx_mask & STATX_MNT_ID) != 0;
	struct statfs fs;
	s->in_memory = fstatfs(fd, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
	if (scan_xattrs(s, fd, &xattrs, err) < 0) {
		close(fd);
		return error_prefix(err, "%s", s->path);
	}
	struct tree_inode *inode = tree_node(s->tree, TREE_ROOT);
	inode->mode = st.stx_mode & 07777;
	inode->mtime = clamp_time(st.stx_mtime.tv_sec);
	inode->xattrs = xattrs;
	return push(w, fd, TREE_ROOT, &st, false, err);
}

static int walk(struct walk *w, int root, struct error *err)
{
	if (begin(w, root, err) < 0)
		return -1;
	while (w->depth > 0) {
		struct level *l = &w->levels[w->depth - 1];
		if (interrupt_check(err) < 0)
			return -1;
		if (l->next == l->count) {
			if (pop(w, err) < 0)
				return -1;
			continue;
		}
		const struct name *n = &l->list[l->next++];
		if (visit(w, l->names.data + n->offset, n->type, err) < 0)
			return -1;
	}
	return scan_data_drain(w->s, err);
}

struct tree *scan_tree(int root, const char *path, const struct scan_sink *sink, struct scan_report *report,
	struct error *err)
{
	*report = (struct scan_report){ 0 };
	struct scan *s = xcalloc(1, sizeof(*s));
	*s = (struct scan){ .path = path, .tree = tree_new(), .sink = sink, .report = report };
	for (unsigned i = 0; i < WINDOW; i++)
		s->jobs[i].fd = -1;
	struct walk w = { .s = s, .listing = xmalloc(LISTING_SIZE) };
	int r = walk(&w, root, err);
	while (w.depth > 0)
		level_cleanup(&w.levels[--w.depth]);
	free(w.levels);
	free(w.listing);
	scan_data_cleanup(s);
	refmap_cleanup(&s->links);
	struct tree *tree = s->tree;
	free(s);
	if (r == 0)
		return tree;
	tree_free(tree);
	return NULL;
}
