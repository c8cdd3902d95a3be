#include "rootfs/remove.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/processors.h"
#include "base/publish.h"
#include "base/str.h"

#define MAX_LEVELS \
	64u /* directories open at once, one in the other; what is deeper is moved up to the top first */
#define MAX_SWEEPS   16u /* over one directory in which something remains */
#define MAX_CHILDREN 64u /* found in a directory before they are removed and its listing goes on */
#define MAX_THREADS  8u
#define ALONE        2000u /* entries that are soon gone, without other threads */

/*
 * A directory. WORK counts what keeps it: that it is queued or being listed, and the directories in it; with the last
 * it is removed itself.
 */
struct node {
	struct node *parent; /* NULL: the top */
	struct node *next;   /* in the queue */
	DIR *stream;         /* NULL: not opened yet */
	atomic_uint work;
	unsigned depth, sweeps;
	char name[]; /* in PARENT */
};

struct removal {
	int dir;          /* borrowed: where the top is */
	const char *path; /* of the top, for messages */
	bool interruptible;
	struct node *top;
	char *up;            /* owned: how names of directories begin that were moved up */
	uint64_t dev, mount; /* of the top */
	bool has_mount;
	_Atomic uint64_t moved, entries;

	pthread_mutex_t lock; /* of all below */
	pthread_cond_t wake;
	struct node *newest; /* the newest first, so that few directories are open */
	unsigned pending;    /* queued or being worked on */
	struct error error;  /* the first one */
	atomic_bool failed;
};

/* ---- the queue ---- */

static struct node *node_new(struct node *parent, const char *name)
{
	size_t len = strlen(name) + 1;
	struct node *node = xcalloc(1, sizeof(*node) + len);
	node->parent = parent;
	node->work = 1;
	memcpy(node->name, name, len);
	if (parent != NULL) {
		parent->work++;
		node->depth = parent->depth + 1;
	}
	return node;
}

static void push(struct removal *x, struct node *node)
{
	pthread_mutex_lock(&x->lock);
	node->next = x->newest;
	x->newest = node;
	x->pending++;
	pthread_cond_signal(&x->wake);
	pthread_mutex_unlock(&x->lock);
}

static struct node *take(struct removal *x)
{
	struct node *node = x->newest;
	if (node != NULL)
		x->newest = node->next;
	return node;
}

static struct node *pop(struct removal *x)
{
	pthread_mutex_lock(&x->lock);
	while (x->newest == NULL && x->pending != 0 && !x->failed)
		pthread_cond_wait(&x->wake, &x->lock);
	struct node *node = x->failed ? NULL : take(x);
	pthread_mutex_unlock(&x->lock);
	return node;
}

static void done(struct removal *x)
{
	pthread_mutex_lock(&x->lock);
	if (--x->pending == 0)
		pthread_cond_broadcast(&x->wake);
	pthread_mutex_unlock(&x->lock);
}

static void set_failed(struct removal *x, struct error *err)
{
	pthread_mutex_lock(&x->lock);
	if (!x->failed)
		error_move(&x->error, err);
	x->failed = true;
	pthread_cond_broadcast(&x->wake);
	pthread_mutex_unlock(&x->lock);
}

/* ---- one directory ---- */

static void add_path(const struct removal *x, const struct node *node, struct buffer *path)
{
	const struct node *way[MAX_LEVELS + 1];
	size_t n = 0;
	for (; node != NULL && node->parent != NULL && n <= MAX_LEVELS; node = node->parent)
		way[n++] = node;
	buffer_puts(path, x->path);
	while (n > 0)
		buffer_printf(path, "/%s", way[--n]->name);
}

/* NAME in NODE; NULL: NODE itself. */
static int fail(const struct removal *x, const struct node *node, const char *name, const char *what,
	struct error *err)
{
	int code = errno;
	_cleanup_buffer_ struct buffer path = BUFFER_INIT;
	add_path(x, node, &path);
	if (name != NULL)
		buffer_printf(&path, "/%s", name);
	errno = code;
	return error_errno(err, "cannot %s %s", what, path.data);
}

/* Make a directory that is closed to its owner readable to him; the descriptor cannot be another than was looked at. */
static void reopen_to_owner(int dir, const char *name)
{
	_cleanup_close_ int fd = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char proc[64];
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	if (fd >= 0)
		(void)chmod(proc, S_IRWXU);
}

static int open_dir(int dir, const char *name)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(dir, name, flags);
	if (fd >= 0 || errno != EACCES)
		return fd;
	reopen_to_owner(dir, name);
	return openat(dir, name, flags);
}

/* Is the directory FD on the mount of the top? Its owner's rights are repaired on the way. */
static int check_dir(struct removal *x, const struct node *node, int fd, struct error *err)
{
	struct statx st;
	unsigned mask = STATX_MODE | STATX_TYPE | STATX_UID | STATX_MNT_ID;
	if (statx(fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, mask, &st) < 0)
		return fail(x, node, NULL, "look at", err);
	uint64_t dev = makedev(st.stx_dev_major, st.stx_dev_minor);
	bool has_mount = (st.stx_mask & STATX_MNT_ID) != 0;
	if (node->parent == NULL) {
		x->dev = dev;
		x->mount = st.stx_mnt_id;
		x->has_mount = has_mount;
	} else if (dev != x->dev || (has_mount && x->has_mount && st.stx_mnt_id != x->mount)) {
		errno = EBUSY;
		return fail(x, node, NULL, "remove what is mounted at", err);
	}
	if ((st.stx_mode & S_IRWXU) != S_IRWXU)
		(void)fchmod(fd, (st.stx_mode & 07777) | S_IRWXU);
	return 0;
}

static int fd_of_parent(const struct removal *x, const struct node *node)
{
	return node->parent != NULL ? dirfd(node->parent->stream) : x->dir;
}

/* Too deep: from now on it is in the top. */
static int move_up(struct removal *x, struct node *node, struct error *err)
{
	_cleanup_free_ char *up = xasprintf("%s-%" PRIu64, x->up, x->moved++);
	if (renameat(fd_of_parent(x, node), node->name, dirfd(x->top->stream), up) < 0)
		return fail(x, node, NULL, "move", err);
	push(x, node_new(x->top, up));
	return 0;
}

/* Open NODE. 1: there is nothing more to do in it. */
static int enter(struct removal *x, struct node *node, struct error *err)
{
	_cleanup_close_ int fd = open_dir(fd_of_parent(x, node), node->name);
	if (fd < 0)
		return errno == ENOENT && node->parent != NULL ? 1 : fail(x, node, NULL, "open", err);
	if (check_dir(x, node, fd, err) < 0)
		return -1;
	if (node->depth == MAX_LEVELS)
		return move_up(x, node, err) < 0 ? -1 : 1;
	node->stream = fdopendir(fd);
	if (node->stream == NULL)
		return fail(x, node, NULL, "list", err);
	steal_fd(&fd);
	return 0;
}

static bool is_skipped(const struct removal *x, const struct node *node, const char *name)
{
	return str_eq(name, ".") || str_eq(name, "..") ||
	       (node == x->top && str_starts_with(name, x->up)); /* those have nodes of their own */
}

/* Remove an entry, or add it to *CHILDREN if it is a directory. */
static int remove_entry(struct removal *x, struct node *node, const struct dirent *e, struct node **children,
	struct error *err)
{
	if (e->d_type != DT_DIR) {
		if (unlinkat(dirfd(node->stream), e->d_name, 0) == 0 || errno == ENOENT)
			return 0;
		if (errno != EISDIR)
			return fail(x, node, e->d_name, "remove", err);
	}
	struct node *child = node_new(node, e->d_name);
	child->next = *children;
	*children = child;
	return 0;
}

/* 1: there may be more to list, once the CHILDREN are gone. */
static int list(struct removal *x, struct node *node, struct node **children, struct error *err)
{
	unsigned count = 0;
	while (!x->failed) {
		if (x->interruptible && interrupt_check(err) < 0)
			return -1;
		errno = 0;
		const struct dirent *e = readdir(node->stream);
		if (e == NULL)
			return errno != 0 ? fail(x, node, NULL, "list", err) : 0;
		if (is_skipped(x, node, e->d_name))
			continue;
		x->entries++;
		struct node *before = *children;
		if (remove_entry(x, node, e, children, err) < 0)
			return -1;
		count += *children != before;
		if (count == MAX_CHILDREN)
			return 1;
	}
	return 0;
}

/* Everything in NODE is gone, as far as its listing said: remove it, or sweep once more (1). */
static int remove_node(struct removal *x, struct node *node, struct error *err)
{
	if (unlinkat(fd_of_parent(x, node), node->name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	bool again = errno == ENOTEMPTY || errno == EEXIST; /* skipped by a listing that changed under way */
	if (!again || ++node->sweeps > MAX_SWEEPS)
		return fail(x, node, NULL, "remove", err);
	rewinddir(node->stream);
	node->work = 1;
	push(x, node);
	return 1;
}

/* Give up one share of the work on NODE, and of those above that end with it. */
static void release(struct removal *x, struct node *node)
{
	while (node != NULL && --node->work == 0) {
		_cleanup_error_ struct error err = ERROR_INIT;
		int r = !x->failed && node->stream != NULL ? remove_node(x, node, &err) : 0;
		if (r == 1)
			return;
		if (r < 0)
			set_failed(x, &err);
		struct node *parent = node->parent;
		if (node->stream != NULL)
			closedir(node->stream);
		free(node);
		node = parent;
	}
}

static void work_on(struct removal *x, struct node *node)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct node *children = NULL;
	bool goes_on = false;
	int r = node->stream == NULL ? enter(x, node, &err) : 0;
	if (r == 0 && node->stream != NULL) {
		r = list(x, node, &children, &err);
		goes_on = r == 1;
	}
	if (r < 0)
		set_failed(x, &err);
	if (goes_on)
		push(x, node);
	while (children != NULL) {
		struct node *next = children->next;
		push(x, children);
		children = next;
	}
	if (!goes_on)
		release(x, node);
}

/* ---- all of them ---- */

static void *work(void *removal)
{
	struct removal *x = removal;
	struct node *node;
	while ((node = pop(x)) != NULL) {
		work_on(x, node);
		done(x);
	}
	return NULL;
}

/* Small trees are gone before a thread has begun. */
static void run(struct removal *x)
{
	struct node *node;
	pthread_t threads[MAX_THREADS];
	unsigned started = 0;
	while (x->entries < ALONE && (node = pop(x)) != NULL) {
		work_on(x, node);
		done(x);
	}
	unsigned wanted = x->entries < ALONE || x->failed ? 1 : MIN(processors_count(), MAX_THREADS);
	for (unsigned i = 1; i < wanted; i++)
		started += pthread_create(&threads[started], NULL, work, x) == 0;
	work(x);
	while (started > 0)
		pthread_join(threads[--started], NULL);
	while ((node = take(x)) != NULL) /* after a failure */
		release(x, node);
}

int remove_tree(int dir, const char *name, const char *path, bool interruptible, struct error *err)
{
	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR)
		return error_errno(err, "cannot remove %s", path);
	struct removal x = {
		.dir = dir, .path = path, .interruptible = interruptible, .up = publish_temp_name()
	};
	pthread_mutex_init(&x.lock, NULL);
	pthread_cond_init(&x.wake, NULL);
	x.top = node_new(NULL, name);
	push(&x, x.top);
	run(&x);
	pthread_mutex_destroy(&x.lock);
	pthread_cond_destroy(&x.wake);
	free(x.up);
	return x.failed ? error_move(err, &x.error) : 0;
}

int remove_for_scratch(int dir, const char *name, const char *path, struct error *err)
{
	return remove_tree(dir, name, path, false, err);
}
