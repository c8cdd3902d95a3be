/* rootfs/extract_dir.c - directories */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/interrupt.h"
#include "base/memory.h"
#include "rootfs/extract_private.h"

#define BATCH_ENTRIES 64u /* a larger directory is shared between threads */

static int corrupt(const struct node *node, const char *name, const char *what, struct error *err)
{
	_cleanup_free_ char *path = node_path(node, name);
	return error_set(err, EUCLEAN, "corrupt squashfs image: %s: %s", path, what);
}

/* A directory that is met twice is a loop, or would become two. */
static int note_dir(struct worker *w, const struct task *task, struct error *err)
{
	bool seen;
	pthread_mutex_lock(&w->x->lock);
	refmap_get(&w->x->dirs, task->ref, &seen);
	pthread_mutex_unlock(&w->x->lock);
	if (seen)
		return corrupt(task->node, task->name, "the directory is met a second time", err);
	if (++w->x->inodes > w->x->info->inodes)
		return corrupt(task->node, task->name, "there are more entries than inodes", err);
	return 0;
}

static struct node *create_dir(struct worker *w, struct task *task, struct error *err)
{
	struct node *parent = task->node;
	struct sqfs_inode inode;
	if (note_dir(w, task, err) < 0 || sqfs_inode(w->reader, task->ref, &inode, err) < 0)
		return NULL;
	if (inode.type != SQFS_DIR) {
		corrupt(parent, task->name, "the entry is a directory, its inode is none", err);
		return NULL;
	}
	mode_t mode = extract_create_mode(w->x, &inode, parent->depth + 1);
	int fd = -1;
	if (mkdirat(parent->fd, task->name, mode) == 0)
		fd = openat(parent->fd, task->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	else if (errno == EEXIST) {
		corrupt(parent, task->name, "the name is there twice", err);
		return NULL;
	}
	if (fd < 0) {
		_cleanup_free_ char *path = node_path(parent, task->name);
		error_errno(err, "cannot create the directory %s", path);
		return NULL;
	}
	progress_add_entry(w->x->options.progress);
	return node_new(w->x, parent, task->name, fd, &inode);
}

int extract_dir_task(struct worker *w, struct task *task, struct error *err)
{
	struct node *node = create_dir(w, task, err);
	if (node == NULL)
		return -1;
	int r = extract_list(w, node, err);
	if (node_release(w, node, err) < 0)
		r = -1;
	return r;
}

static int extract_entries(
	struct worker *w, struct node *node, struct sqfs_dir *dir, unsigned max, struct error *err)
{
	struct sqfs_entry entry;
	int n = 1;
	while (max > 0 && !w->x->failed && (n = sqfs_dir_next(w->reader, dir, &entry, err)) == 1) {
		if (entry.type == SQFS_DIR)
			continue;
		max--;
		if (interrupt_check(err) < 0 || extract_entry(w, node, &entry, err) < 0)
			return -1;
	}
	return n < 0 ? -1 : 0;
}

static int batch_task(struct worker *w, struct task *task, struct error *err)
{
	return extract_entries(w, task->node, &task->dir, task->count, err);
}

/* What a first look at a directory finds: tasks, linked so that they are queued in their order. */
struct survey {
	struct task *dirs, *batches;
	unsigned files;
	uint64_t entries;
};

static void free_list(struct worker *w, struct task *list)
{
	while (list != NULL) {
		struct task *next = list->next;
		_cleanup_error_ struct error err = ERROR_INIT;
		(void)node_release(w, list->node, &err);
		free(list);
		list = next;
	}
}

static int survey(struct worker *w, struct node *node, struct survey *s, struct error *err)
{
	struct sqfs_dir dir, before;
	struct sqfs_entry entry;
	int n;
	if (sqfs_dir_open(w->reader, &node->inode, &dir, err) < 0)
		return -1;
	while (before = dir, (n = sqfs_dir_next(w->reader, &dir, &entry, err)) == 1) {
		struct task *task = NULL;
		s->entries++;
		if (entry.type == SQFS_DIR) {
			task = task_new(node, entry.name);
			task->run = extract_dir_task;
			task->ref = entry.ref;
			task->next = s->dirs;
			s->dirs = task;
		} else if (s->files++ % BATCH_ENTRIES == 0) {
			task = task_new(node, "");
			task->run = batch_task;
			task->dir = before;
			task->count = BATCH_ENTRIES;
			task->next = s->batches;
			s->batches = task;
		}
		/* An endless listing fails by its entries' own limit. */
		if (s->entries > w->x->options.max_inodes)
			break;
	}
	return n < 0 ? -1 : 0;
}

static void push_all(struct extraction *x, struct task *list)
{
	while (list != NULL) {
		struct task *next = list->next;
		task_push(x, list);
		list = next;
	}
}

static int count_entries(struct extraction *x, uint64_t entries, struct error *err)
{
	if (atomic_fetch_add(&x->entries, entries) + entries <= x->options.max_inodes)
		return 0;
	error_set(err, E2BIG, "the image has more than %" PRIu64 " entries", x->options.max_inodes);
	return error_hint(err, "raise ENROOT_LIMIT_INODES");
}

int extract_list(struct worker *w, struct node *node, struct error *err)
{
	struct survey s = { 0 };
	if (survey(w, node, &s, err) < 0 || count_entries(w->x, s.entries, err) < 0) {
		free_list(w, s.dirs);
		free_list(w, s.batches);
		return -1;
	}
	/* Both lists are reversed, and so is the queue: the image's order, in which its data lie. */
	push_all(w->x, s.dirs);
	if (s.files > 2 * BATCH_ENTRIES && w->x->options.threads > 1) {
		push_all(w->x, s.batches);
		return 0;
	}
	free_list(w, s.batches);
	struct sqfs_dir dir;
	if (sqfs_dir_open(w->reader, &node->inode, &dir, err) < 0)
		return -1;
	return extract_entries(w, node, &dir, s.files, err);
}
