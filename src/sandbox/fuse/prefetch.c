/*
 * Decoding ahead, in a thread of its own: the next fragment when files are read in the order of the image (tar, a
 * program that loads its modules), and the next block where blocks are larger than requests. One wish at a time; a
 * later one replaces it. And, while a container starts, whole programs (ahead.c).
 */
#include "sandbox/fuse/prefetch.h"

#include "base/memory.h"

#define STACK_BYTES (256u * 1024)
#define MIN_RUN     4 /* fragments in their order, before the next is thought to be wanted */

static void fulfil(struct prefetch *p, const struct sqfs_extent *e)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct sqfs_data data;
	if (sqfs_data_get(p->reader, e, &data, &err) == 0) /* who wants it really will report a failure */
		sqfs_data_release(p->reader, &data);
}

/* Where the companion is anything else would keep it from its work. */
static void keep_off(struct prefetch *p)
{
	int cpu = p->server->companion.at;
	cpu_set_t set = p->allowed;
	if (cpu == p->avoided || CPU_COUNT(&set) == 0)
		return;
	if (cpu >= 0)
		CPU_CLR(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) == 0)
		p->avoided = cpu;
}

static void *prefetch_main(void *arg)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct prefetch *p = arg;
	p->reader = sqfs_reader_new(p->server->image, &err);
	if (p->reader == NULL)
		return NULL; /* what is wished for comes when it is asked for */
	p->avoided = -1;
	if (sched_getaffinity(0, sizeof(p->allowed), &p->allowed) < 0)
		CPU_ZERO(&p->allowed); /* more processors than fit */
	keep_off(p);
	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (!p->has_wish && p->file_count == 0)
			pthread_cond_wait(&p->wished, &p->lock);
		struct sqfs_extent e = p->wish;
		struct sqfs_inode file = p->files[0];
		bool has_wish = p->has_wish;
		if (!has_wish) {
			p->file_count--;
			memmove(p->files, p->files + 1, p->file_count * sizeof(p->files[0]));
		}
		p->has_wish = false;
		pthread_mutex_unlock(&p->lock);
		keep_off(p);
		if (has_wish)
			fulfil(p, &e);
		else
			ahead_store(p, &file);
		pthread_mutex_lock(&p->lock);
	}
	return NULL;
}

static struct prefetch *prefetch_new(struct fuse_server *s)
{
	struct prefetch *p = xcalloc(1, sizeof(*p));
	p->server = s;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wished, NULL);
	if (start_thread(prefetch_main, p, STACK_BYTES) < 0) {
		free(p);
		return NULL;
	}
	return p;
}

struct prefetch *prefetch_begin(struct fuse_server *s)
{
	if (s->workers_max == 1)
		return NULL;
	pthread_mutex_lock(&s->lock);
	if (s->prefetch == NULL && !s->prefetch_failed) {
		s->prefetch = prefetch_new(s);
		s->prefetch_failed = s->prefetch == NULL;
	}
	struct prefetch *p = s->prefetch;
	pthread_mutex_unlock(&s->lock);
	return p;
}

static void prefetch_wish(struct fuse_server *s, const struct sqfs_extent *e)
{
	struct prefetch *p = prefetch_begin(s);
	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	p->wish = *e;
	p->has_wish = true;
	pthread_cond_signal(&p->wished);
	pthread_mutex_unlock(&p->lock);
}

void prefetch_after_fragment(struct fuse_server *s, const struct sqfs_extent *e)
{
	uint32_t last = atomic_exchange(&s->last_fragment, e->fragment);
	uint32_t next = e->fragment + 1;
	if (e->fragment == last)
		return;
	uint32_t run = e->fragment == last + 1 ? atomic_fetch_add(&s->fragment_run, 1) + 1 : 0;
	if (run == 0)
		atomic_store(&s->fragment_run, 0);
	if (run < MIN_RUN || next >= sqfs_image_info(s->image)->fragments)
		return;
	const struct sqfs_extent wish = { .kind = SQFS_EXTENT_FRAGMENT, .len = 1, .fragment = next };
	prefetch_wish(s, &wish);
}

void prefetch_after_block(struct worker *w, const struct sqfs_extents *position)
{
	struct sqfs_extents at = *position;
	struct sqfs_extent next;
	if (sqfs_extents_next(w->reader, &at, &next, &w->err) > 0) {
		if (next.kind == SQFS_EXTENT_BLOCK)
			prefetch_wish(w->server, &next);
	}
	error_clear(&w->err);
}
