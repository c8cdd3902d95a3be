/* rootfs/extract_task.c - who does what next, and when a directory is finished */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "rootfs/extract_private.h"

#define PATH_SHOWN 512 /* bytes of a path in a message */

struct task *task_new(struct node *node, const char *name)
{
	size_t len = strlen(name) + 1;
	struct task *task = xmalloc(sizeof(*task) + len);
	memset(task, 0, sizeof(*task));
	memcpy(task->name, name, len);
	task->node = node;
	if (node != NULL)
		node_hold(node);
	return task;
}

void task_push(struct extraction *x, struct task *task)
{
	pthread_mutex_lock(&x->lock);
	task->next = x->newest;
	task->previous = NULL;
	if (x->newest != NULL)
		x->newest->previous = task;
	else
		x->oldest = task;
	x->newest = task;
	x->pending++;
	x->chunks += task->file != NULL;
	if (x->waiting != 0)
		pthread_cond_signal(&x->wake);
	pthread_mutex_unlock(&x->lock);
}

static struct task *unlink_task(struct extraction *x, struct task *task)
{
	if (task == NULL)
		return NULL;
	*(task->previous != NULL ? &task->previous->next : &x->newest) = task->next;
	*(task->next != NULL ? &task->next->previous : &x->oldest) = task->previous;
	x->chunks -= task->file != NULL;
	return task;
}

struct task *task_take(struct extraction *x)
{
	return unlink_task(x, x->open > x->max_open ? x->oldest : x->newest);
}

static struct task *task_pop(struct extraction *x)
{
	pthread_mutex_lock(&x->lock);
	while (x->newest == NULL && x->pending != 0 && !x->failed) {
		x->waiting++;
		pthread_cond_wait(&x->wake, &x->lock);
		x->waiting--;
	}
	struct task *task = x->failed ? NULL : task_take(x);
	pthread_mutex_unlock(&x->lock);
	return task;
}

static void task_done(struct extraction *x, struct task *task)
{
	free(task);
	pthread_mutex_lock(&x->lock);
	if (--x->pending == 0)
		pthread_cond_broadcast(&x->wake);
	pthread_mutex_unlock(&x->lock);
}

void extract_fail(struct extraction *x, struct error *err)
{
	pthread_mutex_lock(&x->lock);
	if (!x->failed)
		error_move(&x->error, err);
	x->failed = true;
	pthread_cond_broadcast(&x->wake);
	pthread_mutex_unlock(&x->lock);
}

void tasks_run(struct worker *w)
{
	struct task *task;
	while ((task = task_pop(w->x)) != NULL) {
		_cleanup_error_ struct error err = ERROR_INIT;
		struct node *node = task->node;
		int r = interrupt_check(&err) < 0 ? -1 : task->run(w, task, &err);
		if (node != NULL) {
			_cleanup_error_ struct error later = ERROR_INIT;
			if (node_release(w, node, r < 0 ? &later : &err) < 0)
				r = -1;
		}
		if (r < 0)
			extract_fail(w->x, &err);
		task_done(w->x, task);
	}
}

struct node *node_new(
	struct extraction *x, struct node *parent, const char *name, int fd, const struct sqfs_inode *inode)
{
	size_t len = strlen(name) + 1;
	struct node *node = xmalloc(sizeof(*node) + len);
	memset(node, 0, sizeof(*node));
	node->parent = parent;
	node->refs = node->work = 1;
	node->fd = fd;
	node->inode = *inode;
	memcpy(node->name, name, len);
	pthread_mutex_lock(&x->lock);
	x->open++;
	pthread_mutex_unlock(&x->lock);
	if (parent != NULL) {
		parent->refs++;
		node->depth = parent->depth + 1;
	}
	return node;
}

void node_hold(struct node *node)
{
	node->refs++;
	node->work++;
}

static void node_unref(struct node *node)
{
	while (node != NULL && --node->refs == 0) {
		struct node *parent = node->parent;
		free(node);
		node = parent;
	}
}

static int finish_dir(struct worker *w, const struct node *node, struct error *err)
{
	/* The caller made the root, with a mode of his own. */
	if (node->parent == NULL && fchmod(node->fd, extract_mode(w->x, &node->inode, 0)) < 0)
		return error_errno(err, "cannot set the mode");
	return extract_finish_fd(w, node->fd, &node->inode, node->depth, err);
}

int node_release(struct worker *w, struct node *node, struct error *err)
{
	int r = 0;
	if (--node->work == 0) {
		if (!w->x->failed && finish_dir(w, node, err) < 0) {
			_cleanup_free_ char *path = node_path(node, NULL);
			r = error_prefix(err, "%s", path);
		}
		close(node->fd);
		pthread_mutex_lock(&w->x->lock);
		w->x->open--;
		pthread_mutex_unlock(&w->x->lock);
	}
	node_unref(node);
	return r;
}

/* Put PART in front of the text at P; NULL when it does not fit. */
static char *prepend(char *start, char *p, const char *part, bool slash)
{
	size_t len = strlen(part);
	if ((size_t)(p - start) < len + slash)
		return NULL;
	if (slash)
		*--p = '/';
	p -= len;
	for (size_t i = 0; i < len; i++)
		p[i] = part[i]; /* no NUL: it goes in front */
	return p;
}

char *node_path(const struct node *node, const char *name)
{
	char buf[PATH_SHOWN], *p = buf + sizeof(buf) - 1, *next = p;
	*p = '\0';
	if (name != NULL)
		next = prepend(buf, p, name, false);
	/* From the end, as much as fits. */
	for (; next != NULL && node->parent != NULL; node = node->parent) {
		p = next;
		next = prepend(buf, p, node->name, *p != '\0');
	}
	if (next == NULL)
		return xasprintf("…/%s", p);
	return xstrdup(*next != '\0' ? next : ".");
}
