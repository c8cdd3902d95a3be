#include "sandbox/fuse/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/processors.h"
#include "sandbox/fuse/notice.h"
#include "sandbox/fuse/prefetch.h"

#define STACK_BYTES         (256u * 1024)
#define LONG_LISTINGS_MINOR 44 /* Linux 6.16: READDIR asks for as much as the process does */

/* Room for the header in front of the answer, so that one write(2) sends both. */
#define HEADER sizeof(struct fuse_out_header)

void *worker_room(struct worker *w, size_t len)
{
	if (w->reply_size < HEADER + len) {
		free(w->reply);
		w->reply_size = HEADER + len;
		w->reply = xmalloc(w->reply_size);
	}
	return w->reply + HEADER;
}

ssize_t worker_answer(struct worker *w, const void *data, size_t len)
{
	void *out = worker_room(w, len);
	if (len > 0)
		memcpy(out, data, len);
	return (ssize_t)len;
}

ssize_t worker_failed(struct worker *w)
{
	if (!atomic_exchange(&w->server->noticed, true))
		notice_write(w->server->notices, &w->err);
	error_clear(&w->err);
	return -EIO;
}

static ssize_t op_init(struct worker *w, const struct request *req)
{
	const struct fuse_init_in *in = req->arg;
	if (in->major < FUSE_KERNEL_VERSION)
		return -EPROTO;
	uint32_t wanted = FUSE_ASYNC_READ | FUSE_PARALLEL_DIROPS | FUSE_DO_READDIRPLUS | FUSE_MAX_PAGES |
			  FUSE_CACHE_SYMLINKS | FUSE_EXPLICIT_INVAL_DATA;
	/* Where a listing comes in pages, the kernel should choose: entries with attributes are four times as long. */
	if (in->minor < LONG_LISTINGS_MINOR)
		wanted |= FUSE_READDIRPLUS_AUTO;
	w->server->kernel_flags = in->flags;
	struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = MIN(in->minor, (uint32_t)FUSE_KERNEL_MINOR_VERSION),
		.max_readahead = in->max_readahead,
		.flags = in->flags & wanted,
		.max_background = 64,
		.congestion_threshold = 48,
		.max_write = MAX_WRITE,
		.time_gran = 1000000000, /* whole seconds */
		.max_pages = REPLY_BYTES / 4096,
	};
	/* A newer kernel repeats the request with our major version (protocol.rst has no word on it; fuse.h has). */
	return worker_answer(w, &out, in->minor < 23 ? (size_t)FUSE_COMPAT_22_INIT_OUT_SIZE : sizeof(out));
}

/*
 * Nothing is kept for an open file, and kernels that know no better than to ask (before 5.1 for directories) are told
 * to keep what they have cached. The others are told never to ask again.
 */
static ssize_t answer_open(struct worker *w, uint32_t unneeded, uint32_t flags)
{
	if (w->server->kernel_flags & unneeded)
		return -ENOSYS;
	const struct fuse_open_out out = { .open_flags = flags };
	return worker_answer(w, &out, sizeof(out));
}

static ssize_t op_open(struct worker *w, const struct request *req)
{
	(void)req;
	return answer_open(w, FUSE_NO_OPEN_SUPPORT, FOPEN_KEEP_CACHE);
}

static ssize_t op_opendir(struct worker *w, const struct request *req)
{
	(void)req;
	return answer_open(w, FUSE_NO_OPENDIR_SUPPORT, FOPEN_KEEP_CACHE | FOPEN_CACHE_DIR);
}

static ssize_t op_nothing(struct worker *w, const struct request *req)
{
	(void)w;
	(void)req;
	return NO_REPLY;
}

static ssize_t op_done(struct worker *w, const struct request *req)
{
	(void)w;
	(void)req;
	return 0;
}

static ssize_t op_read_only(struct worker *w, const struct request *req)
{
	(void)w;
	(void)req;
	return -EROFS;
}

/* What is not here is answered ENOSYS; for FLUSH, ACCESS, STATX, POLL and others the kernel then never asks again. */
static const struct {
	fuse_op *run;
	size_t arg_min;
} operations[] = {
	[FUSE_LOOKUP] = { op_lookup, 1 },
	[FUSE_FORGET] = { op_nothing, 0 },
	[FUSE_BATCH_FORGET] = { op_nothing, 0 },
	[FUSE_INTERRUPT] = { op_nothing, 0 }, /* no request takes long */
	[FUSE_GETATTR] = { op_getattr, 0 },
	[FUSE_READLINK] = { op_readlink, 0 },
	[FUSE_READ] = { op_read, sizeof(struct fuse_read_in) },
	[FUSE_OPEN] = { op_open, 0 },
	[FUSE_OPENDIR] = { op_opendir, 0 },
	[FUSE_STATFS] = { op_statfs, 0 },
	[FUSE_RELEASE] = { op_done, 0 },
	[FUSE_RELEASEDIR] = { op_done, 0 },
	[FUSE_GETXATTR] = { op_getxattr, sizeof(struct fuse_getxattr_in) + 1 },
	[FUSE_LISTXATTR] = { op_listxattr, sizeof(struct fuse_getxattr_in) },
	[FUSE_INIT] = { op_init, 16 }, /* older kernels end it before flags2 */
	[FUSE_READDIR] = { op_readdir, sizeof(struct fuse_read_in) },
	[FUSE_READDIRPLUS] = { op_readdirplus, sizeof(struct fuse_read_in) },
	[FUSE_DESTROY] = { op_done, 0 },
	[FUSE_LSEEK] = { op_lseek, sizeof(struct fuse_lseek_in) },
	[FUSE_SETATTR] = { op_read_only, 0 },
	[FUSE_SYMLINK] = { op_read_only, 0 },
	[FUSE_MKNOD] = { op_read_only, 0 },
	[FUSE_MKDIR] = { op_read_only, 0 },
	[FUSE_UNLINK] = { op_read_only, 0 },
	[FUSE_RMDIR] = { op_read_only, 0 },
	[FUSE_RENAME] = { op_read_only, 0 },
	[FUSE_RENAME2] = { op_read_only, 0 },
	[FUSE_LINK] = { op_read_only, 0 },
	[FUSE_WRITE] = { op_read_only, 0 },
	[FUSE_CREATE] = { op_read_only, 0 },
	[FUSE_SETXATTR] = { op_read_only, 0 },
	[FUSE_REMOVEXATTR] = { op_read_only, 0 },
	[FUSE_FALLOCATE] = { op_read_only, 0 },
};

static ssize_t dispatch(struct worker *w, const struct request *req)
{
	uint32_t opcode = req->in->opcode;
	if (opcode >= ARRAY_SIZE(operations) || operations[opcode].run == NULL)
		return -ENOSYS;
	if (req->len < operations[opcode].arg_min)
		return -EINVAL;
	return operations[opcode].run(w, req);
}

static void send_reply(struct worker *w, const struct request *req, ssize_t result)
{
	struct fuse_out_header *out = (struct fuse_out_header *)(w->reply);
	size_t len = result < 0 ? 0 : (size_t)result;
	*out = (struct fuse_out_header){
		.len = (uint32_t)(HEADER + len),
		.error = result < 0 ? (int32_t)result : 0,
		.unique = req->in->unique,
	};
	/* ENOENT: the request was interrupted meanwhile. ENODEV: the loop will see it. */
	while (write(w->device, out, out->len) < 0 && errno == EINTR)
		continue;
}

int worker_read(struct worker *w, struct request *req)
{
	ssize_t n = read(w->device, w->request, sizeof(w->request));
	if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOENT))
		return 0;
	if (n < (ssize_t)sizeof(struct fuse_in_header))
		return -1; /* ENODEV: unmounted, or the connection was aborted */
	*req = (struct request){
		.in = (const struct fuse_in_header *)w->request,
		.arg = w->request + sizeof(struct fuse_in_header),
		.len = (size_t)n - sizeof(struct fuse_in_header),
	};
	return 1;
}

void worker_serve(struct worker *w, const struct request *req)
{
	ssize_t result = dispatch(w, req);
	if (result != NO_REPLY)
		send_reply(w, req, result);
}

static void serve(struct worker *w)
{
	struct fuse_server *s = w->server;
	struct request req;
	for (;;) {
		if (s->companion.serving)
			companion_wait(s);
		int r = worker_read(w, &req);
		if (r < 0)
			return;
		if (r == 0)
			continue;
		bool alone = companion_enter(s);
		worker_serve(w, &req);
		companion_leave(s, &req, alone);
		(void)seat_is_left(s);
	}
}

struct worker *worker_new(struct fuse_server *s, int device, struct error *err)
{
	struct worker *w = xcalloc(1, sizeof(*w));
	w->server = s;
	w->device = device;
	w->reader = sqfs_reader_new(s->image, err);
	if (w->reader == NULL) {
		free(w);
		return NULL;
	}
	worker_room(w, 4096);
	return w;
}

void worker_free(struct worker *w)
{
	for (unsigned i = 0; i < FILE_SLOTS; i++)
		free(w->files[i].marks);
	stored_close(w);
	sqfs_reader_free(w->reader);
	error_clear(&w->err);
	free(w->reply);
	free(w);
}

/* EINVAL: another worker's device, which is connected. */
int worker_connect(struct worker *w)
{
	uint32_t first = (uint32_t)w->server->devices[0];
	if (w->device == w->server->devices[0])
		return 0;
	return ioctl(w->device, FUSE_DEV_IOC_CLONE, &first) < 0 && errno != EINVAL ? -1 : 0;
}

/* The first to see the end takes the others with it. */
static void *worker_main(void *arg)
{
	struct worker *w = arg;
	if (worker_connect(w) < 0)
		return NULL;
	serve(w);
	_exit(0);
}

int start_thread(void *(*run)(void *), void *arg, size_t stack_bytes)
{
	pthread_attr_t attr;
	pthread_t thread;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, stack_bytes);
	int r = pthread_create(&thread, &attr, run, arg);
	pthread_attr_destroy(&attr);
	return r == 0 ? 0 : -1;
}

void server_grow(struct fuse_server *s)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	pthread_mutex_lock(&s->lock);
	if (s->workers < s->workers_max) {
		struct worker *w = worker_new(s, s->devices[s->workers % s->device_count], &err);
		if (w != NULL && start_thread(worker_main, w, STACK_BYTES) == 0)
			s->workers++;
		else
			s->workers_max = s->workers; /* out of something: those there are will do */
	}
	pthread_mutex_unlock(&s->lock);
}

/* Twice the processors: some wait for the disk while others decode. */
static unsigned count_workers(void)
{
	return MIN(2 * processors_count(), (unsigned)WORKERS_MAX);
}

struct fuse_server *fuse_server_new(const struct fuse_server_options *options, struct error *err)
{
	struct sqfs_image_options image_options = { .offset = options->offset, .cache_bytes = CACHE_BYTES };
	struct sqfs_image *image = sqfs_image_open(options->image, options->name, &image_options, err);
	if (image == NULL)
		return NULL;
	struct sqfs_reader *reader = sqfs_reader_new(image, err);
	struct sqfs_inode root;
	if (reader == NULL || sqfs_root(reader, &root, err) < 0) {
		sqfs_reader_free(reader);
		sqfs_image_close(image);
		return NULL;
	}
	sqfs_reader_free(reader);

	struct fuse_server *s = xcalloc(1, sizeof(*s));
	s->image = image;
	s->image_fd = options->image;
	s->image_offset = options->offset;
	s->root = root.ref;
	s->notices = options->notices;
	s->workers_max = options->threads > 0 ? options->threads : count_workers();
	pthread_mutex_init(&s->lock, NULL);
	interest_init(&s->interest);
	companion_init(&s->companion, s->workers_max > 1 && processors_count() > 1);
	return s;
}

void fuse_server_run(struct fuse_server *s, const int *devices, unsigned count, uid_t uid, gid_t gid)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	bool is_last_companions = count == FUSE_SERVER_DEVICES;
	s->devices = devices;
	s->device_count = is_last_companions ? count - 1 : count;
	s->companion.off |= !is_last_companions;
	s->uid = uid;
	s->gid = gid;
	s->workers = 1;
	if (s->seat.taken) {
		companion_begin_at(s, s->seat.cpu);
		(void)prefetch_begin(s);
	}
	struct worker *w = worker_new(s, devices[0], &err);
	if (w == NULL) {
		notice_write(s->notices, &err);
		return;
	}
	serve(w);
	if (s->workers == 1)
		worker_free(w);
}

void fuse_server_free(struct fuse_server *s)
{
	sqfs_image_close(s->image);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
