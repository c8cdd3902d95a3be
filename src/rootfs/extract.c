#include "rootfs/extract.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/processors.h"
#include "rootfs/extract_private.h"

#define MAX_THREADS        64u
#define MIN_OPEN           100u
#define MAX_OPEN           100000u
#define DEFAULT_MAX_BYTES  (1ull << 40)
#define DEFAULT_MAX_INODES 50000000u

static unsigned thread_count(unsigned wanted)
{
	if (wanted == 0)
		wanted = processors_count();
	return MIN(wanted, MAX_THREADS);
}

size_t extract_cache_bytes(unsigned threads)
{
	/* Fragments only: those that the threads work on and a few that come back. */
	return ((size_t)thread_count(threads) * 2 + 6) * SQFS_BLOCK_SIZE_MAX / 4;
}

/* Every directory with work left is open: trees that are deep and wide at once need many. */
static unsigned raise_file_limit(struct rlimit *old)
{
	unsigned long limit = fd_raise_limit(old);
	return limit != 0 ? (unsigned)MIN(limit / 2, (unsigned long)MAX_OPEN) : MIN_OPEN;
}

static void *worker_main(void *arg)
{
	tasks_run(arg);
	return NULL;
}

static void workers_free(struct worker *workers, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		sqfs_reader_free(workers[i].reader);
		free(workers[i].buffer);
	}
	free(workers);
}

/* One worker is the caller's thread; fewer than wanted will do. */
static int workers_run(struct extraction *x, struct worker *workers, struct error *err)
{
	unsigned started = 1;
	for (; started < x->options.threads; started++) {
		if (pthread_create(&workers[started].thread, NULL, worker_main, &workers[started]) != 0)
			break;
	}
	tasks_run(&workers[0]);
	for (unsigned i = 1; i < started; i++)
		pthread_join(workers[i].thread, NULL);
	return x->failed ? error_move(err, &x->error) : 0;
}

static void drop_tasks(struct extraction *x, struct worker *w)
{
	struct task *task;
	while ((task = task_take(x)) != NULL) {
		_cleanup_error_ struct error err = ERROR_INIT;
		if (task->node != NULL)
			(void)node_release(w, task->node, &err);
		if (task->file != NULL)
			(void)extract_file_release(w, task->file, &err);
		free(task);
	}
}

static int root_task(struct worker *w, struct task *task, struct error *err)
{
	return extract_list(w, task->node, err);
}

static int run_root(struct extraction *x, struct worker *workers, struct error *err)
{
	struct sqfs_inode inode;
	if (sqfs_root(workers[0].reader, &inode, err) < 0)
		return -1;
	int fd = fcntl(x->target, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return error_errno(err, "cannot open the target directory");
	x->root = node_new(x, NULL, "", fd, &inode);
	bool seen;
	*refmap_get(&x->dirs, inode.ref, &seen) = 0;
	x->inodes = 1;
	struct task *task = task_new(x->root, "");
	task->run = root_task;
	task_push(x, task);
	int r = workers_run(x, workers, err);
	drop_tasks(x, &workers[0]);
	if (r == 0)
		r = extract_links_finish(x, err);
	x->failed = r < 0;
	_cleanup_error_ struct error later = ERROR_INIT;
	if (node_release(&workers[0], x->root, r < 0 ? &later : err) < 0)
		r = -1;
	return r;
}

static int run(struct extraction *x, struct error *err)
{
	unsigned count = x->options.threads;
	struct worker *workers = xcalloc(count, sizeof(*workers));
	int r = 0;
	for (unsigned i = 0; r == 0 && i < count; i++) {
		workers[i].x = x;
		workers[i].reader = sqfs_reader_new(x->image, err);
		workers[i].buffer = xmalloc(x->info->block_size);
		r = workers[i].reader != NULL ? 0 : -1;
	}
	if (r == 0)
		r = run_root(x, workers, err);
	workers_free(workers, count);
	return r;
}

static void extraction_cleanup(struct extraction *x)
{
	refmap_cleanup(&x->dirs);
	refmap_cleanup(&x->links);
	if (x->links_dir >= 0)
		close(x->links_dir);
	free(x->links_name);
	error_clear(&x->error);
	pthread_mutex_destroy(&x->lock);
	pthread_mutex_destroy(&x->links_lock);
	pthread_cond_destroy(&x->wake);
}

int extract_image(struct sqfs_image *image, int target, const struct extract_options *options,
	struct extract_report *report, struct error *err)
{
	struct extraction x = { .image = image,
		.info = sqfs_image_info(image),
		.target = target,
		.rules = { .is_root = geteuid() == 0, .strip_setid = options->strip_setid },
		.links_dir = -1 };
	x.options = *options;
	x.options.threads = thread_count(options->threads);
	if (x.options.max_bytes == 0)
		x.options.max_bytes = DEFAULT_MAX_BYTES;
	if (x.options.max_inodes == 0)
		x.options.max_inodes = DEFAULT_MAX_INODES;
	pthread_mutex_init(&x.lock, NULL);
	pthread_mutex_init(&x.links_lock, NULL);
	pthread_cond_init(&x.wake, NULL);

	struct rlimit limit = { 0 };
	x.max_open = raise_file_limit(&limit);
	mode_t mask = umask(0);
	int r = run(&x, err);
	umask(mask);
	fd_restore_limit(&limit);

	*report = (struct extract_report){ .devices = x.skipped_devices,
		.sockets = x.skipped_sockets,
		.xattrs = x.rules.skipped_xattrs,
		.owners = x.rules.skipped_owners };
	extraction_cleanup(&x);
	return r;
}
