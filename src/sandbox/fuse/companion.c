#include "sandbox/fuse/companion.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "sandbox/fuse/prefetch.h"

#define STACK_BYTES (256u * 1024)
#define IDLE_MS     2       /* without a request: the client does something else */
#define WATCH_NS    1000000 /* while a request waits: the companion does not get on */
#define REST_SHORT  16u /* answers until the next try after a large file, which several threads read faster */
#define REST_MIN    64u /* after a try in vain; twice as many after each further one */
#define REST_MAX    4096u
#define REST_LONG   512u /* after a request that had to wait a millisecond */
#define CPUS_MAX    256u /* to be tried */

/* What the companion alone knows. */
struct search {
	cpu_set_t allowed;  /* ours */
	int cpus[CPUS_MAX]; /* the client's and ours, from where it was last */
	unsigned count, next;
	int last;
	uint32_t pid;
	uint32_t rest; /* after a try in vain */
	struct trial trial;
};

void companion_init(struct companion *c, bool wanted)
{
	*c = (struct companion){ .off = !wanted, .cpu = -1, .at = -1 };
	pthread_mutex_init(&c->lock, NULL);
	clock_cond_init(&c->changed);
}

/* Nobody waits for an answer to these. */
static bool is_silent(const struct request *req)
{
	uint32_t opcode = req->in->opcode;
	return opcode == FUSE_FORGET || opcode == FUSE_BATCH_FORGET || opcode == FUSE_INTERRUPT;
}

/* The beginning of a file is not a reason yet: most files end before. */
static bool is_for_many(const struct request *req)
{
	const struct fuse_read_in *in = req->arg;
	return req->in->opcode == FUSE_READ && req->len >= sizeof(*in) && in->offset >= REQUEST_DATA_BYTES;
}

/* ---- the companion ---- */

/* Where the client may run and so may we. A client of another PID namespace has no number here. */
static void list_processors(struct search *s)
{
	cpu_set_t theirs;
	s->count = s->next = 0;
	if (s->pid == 0 || sched_getaffinity((pid_t)s->pid, sizeof(theirs), &theirs) < 0)
		theirs = s->allowed;
	for (int i = 0; i < CPU_SETSIZE && s->count < CPUS_MAX; i++) {
		int cpu = (s->last + i) % CPU_SETSIZE;
		if (CPU_ISSET(cpu, &s->allowed) && CPU_ISSET(cpu, &theirs))
			s->cpus[s->count++] = cpu;
	}
}

/* Returns whether there is another one. */
static bool try_next(struct companion *c, struct search *s)
{
	cpu_set_t one;
	while (s->next < s->count) {
		s->last = s->cpus[s->next++];
		CPU_ZERO(&one);
		CPU_SET(s->last, &one);
		trial_begin(&s->trial);
		c->at = s->last;
		if (sched_setaffinity(0, sizeof(one), &one) == 0)
			return true;
	}
	return false;
}

static void stop_serving(struct companion *c, uint32_t rest)
{
	pthread_mutex_lock(&c->lock);
	c->serving = false;
	c->at = -1;
	c->rest = rest;
	run_break(&c->run);
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

static void give_up(struct companion *c, struct search *s)
{
	stop_serving(c, s->rest);
	s->rest = MIN(2 * s->rest, REST_MAX);
}

/* After an answer: whether to go on here. */
static void judge(struct fuse_server *server, struct search *s, const struct request *req, bool at_once)
{
	struct companion *c = &server->companion;
	if (s->pid == 0)
		s->pid = req->in->pid;
	if (seat_is_left(server)) {
		stop_serving(c, 0);
		return;
	}
	bool for_many = is_for_many(req) && !server->seat.taken; /* a start has its programs read ahead */
	if (req->in->pid != s->pid || for_many) {
		stop_serving(c, for_many ? REST_SHORT : 0);
		return;
	}
	bool was_accepted = s->trial.accepted;
	if (trial_count(&s->trial, clock_ns(), at_once) == TRIAL_GOES_ON) {
		if (s->trial.accepted)
			s->rest = REST_MIN;
		return;
	}
	if (was_accepted) /* it has moved */
		list_processors(s);
	if (!try_next(c, s))
		give_up(c, s);
}

static void serve_alone(struct worker *w, struct search *s)
{
	struct companion *c = &w->server->companion;
	struct request req;
	struct pollfd device = { .fd = w->device, .events = POLLIN };
	pthread_mutex_lock(&c->lock);
	s->pid = c->pid;
	s->trial.usual = c->usual;
	if (c->cpu >= 0)
		s->last = c->cpu;
	c->cpu = -1;
	pthread_mutex_unlock(&c->lock);
	list_processors(s);
	if (!try_next(c, s))
		give_up(c, s);
	bool at_once = false;
	while (c->serving) {
		int r = worker_read(w, &req);
		if (r < 0)
			_exit(0); /* the file system is gone: the first to see it takes the others with it */
		if (r == 0) {
			at_once = false;
			if (poll(&device, 1, IDLE_MS) == 0)
				stop_serving(c, 0);
			continue;
		}
		worker_serve(w, &req);
		c->served++;
		if (is_silent(&req))
			continue;
		judge(w->server, s, &req, at_once);
		at_once = true;
	}
}

static struct worker *make_worker(struct fuse_server *s)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	const struct sched_param none = { 0 };
	struct worker *w = worker_new(s, s->devices[s->device_count], &err);
	if (w == NULL)
		return NULL;
	w->is_companion = true;
	if (worker_connect(w) == 0 && sched_setscheduler(0, SCHED_IDLE, &none) == 0)
		return w;
	worker_free(w);
	return NULL;
}

static void *companion_main(void *arg)
{
	struct fuse_server *server = arg;
	struct companion *c = &server->companion;
	struct search search = { .rest = REST_MIN };
	struct worker *w = NULL;
	if (sched_getaffinity(0, sizeof(search.allowed), &search.allowed) == 0)
		w = make_worker(server);
	pthread_mutex_lock(&c->lock);
	c->off = w == NULL;
	while (!c->off) {
		while (!c->serving)
			pthread_cond_wait(&c->changed, &c->lock);
		pthread_mutex_unlock(&c->lock);
		serve_alone(w, &search);
		(void)sched_setaffinity(0, sizeof(search.allowed), &search.allowed);
		pthread_mutex_lock(&c->lock);
	}
	pthread_mutex_unlock(&c->lock);
	stop_serving(c, 0);
	return NULL;
}

/* ---- the others ---- */

static void begin(struct fuse_server *s, uint32_t pid, uint32_t usual)
{
	struct companion *c = &s->companion;
	if (!c->made && !c->off) {
		(void)prefetch_begin(s); /* made by the companion, it would be of its class */
		c->made = start_thread(companion_main, s, STACK_BYTES) == 0;
		c->off = !c->made;
	}
	if (c->off)
		return;
	c->pid = pid;
	c->usual = usual;
	c->serving = true;
	pthread_cond_broadcast(&c->changed);
}

void companion_begin_at(struct fuse_server *s, int cpu)
{
	struct companion *c = &s->companion;
	pthread_mutex_lock(&c->lock);
	c->cpu = cpu;
	c->at = c->off ? -1 : cpu;
	begin(s, 0, UINT32_MAX); /* anything is faster */
	pthread_mutex_unlock(&c->lock);
}

static void count(struct fuse_server *s, const struct request *req)
{
	struct companion *c = &s->companion;
	if (c->serving || c->off)
		return;
	if (c->rest > 0) {
		c->rest--;
		return;
	}
	if (atomic_exchange(&c->disturbed, false))
		run_break(&c->run);
	uint32_t usual = run_count(&c->run, req->in->pid, clock_ns());
	if (usual > 0)
		begin(s, req->in->pid, usual);
}

bool companion_enter(struct fuse_server *s)
{
	return atomic_fetch_add(&s->companion.in_hand, 1) == 0;
}

void companion_leave(struct fuse_server *s, const struct request *req, bool alone)
{
	struct companion *c = &s->companion;
	atomic_fetch_sub(&c->in_hand, 1);
	if (is_silent(req))
		return;
	if (!alone || is_for_many(req) || pthread_mutex_trylock(&c->lock) != 0) {
		c->disturbed = true;
		return;
	}
	count(s, req);
	pthread_mutex_unlock(&c->lock);
}

/*
 * One of those who wait looks whether a request is left lying, since something else has the processor. Then all of them
 * serve again, and for long: each try would cost as much.
 */
static void watch(struct fuse_server *s)
{
	struct companion *c = &s->companion;
	struct pollfd device = { .fd = s->devices[0], .events = POLLIN };
	uint32_t served = c->served;
	if (clock_cond_wait(&c->changed, &c->lock, WATCH_NS) != ETIMEDOUT || !c->serving)
		return;
	if (c->served != served || poll(&device, 1, 0) <= 0 || c->served != served)
		return;
	c->serving = false;
	c->rest = REST_LONG;
	c->at = -1;
	pthread_cond_broadcast(&c->changed);
}

void companion_wait(struct fuse_server *s)
{
	struct companion *c = &s->companion;
	pthread_mutex_lock(&c->lock);
	bool watching = !c->watched;
	if (watching)
		c->watched = true;
	while (c->serving) {
		if (watching)
			watch(s);
		else
			pthread_cond_wait(&c->changed, &c->lock);
	}
	if (watching)
		c->watched = false;
	pthread_mutex_unlock(&c->lock);
}
