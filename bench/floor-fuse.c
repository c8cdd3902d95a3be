/*
 * floor-fuse [-f] [-c] TREE DIR COMMAND [ARG…]: run COMMAND where DIR shows the names of TREE, from a FUSE
 * server that does nothing but send answers made ready beforehand: what no server can do better than. Needs root.
 * With -f there are attributes for all names, not for directories alone; with -c server and command share a processor.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/fuse.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOR_EVER (1u << 30)

struct node {
	struct fuse_attr attr;
	char *listing; /* the answer to READDIRPLUS */
	size_t len;
};

static struct node *nodes;
static size_t node_count = 1;
static bool full;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void *grow(void *old, size_t size)
{
	void *grown = realloc(old, size);
	if (grown == NULL)
		die("realloc");
	return grown;
}

static struct node *node_new(const struct stat *st)
{
	if ((node_count & (node_count - 1)) == 0)
		nodes = grow(nodes, 2 * node_count * sizeof(*nodes));
	nodes[node_count] = (struct node){
		.attr = { .ino = node_count, .mode = st->st_mode, .nlink = 1, .size = (uint64_t)st->st_size }
	};
	return &nodes[node_count++];
}

static void add(size_t dir, const char *name, unsigned type, size_t id)
{
	size_t len = strlen(name), size = FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET_DIRENTPLUS + len);
	struct node *d = &nodes[dir];
	d->listing = grow(d->listing, d->len + size);
	struct fuse_direntplus *e = memset(d->listing + d->len, 0, size);
	if (id != 0)
		e->entry_out = (struct fuse_entry_out){
			.nodeid = id, .entry_valid = FOR_EVER, .attr_valid = FOR_EVER, .attr = nodes[id].attr
		};
	d->len += size;
	e->dirent = (struct fuse_dirent){ .ino = 1, .off = d->len, .namelen = (uint32_t)len, .type = type };
	memcpy(e->dirent.name, name, len);
}

static size_t stack[256];

static int visit(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	bool is_dir = flag == FTW_D;
	size_t id = 0;
	if (ftw->level >= 256)
		return 1;
	if (is_dir || full)
		id = (size_t)(node_new(st) - nodes);
	if (is_dir)
		stack[ftw->level] = id;
	if (ftw->level > 0)
		add(stack[ftw->level - 1], path + ftw->base, st->st_mode >> 12, id);
	return 0;
}

static char request[1 << 20];
static struct {
	struct fuse_out_header head;
	char data[1 << 20];
} answer;

static size_t list(const struct fuse_in_header *in, const struct fuse_read_in *arg)
{
	const struct node *n = &nodes[in->nodeid];
	size_t end = arg->offset;
	while (end < n->len) {
		size_t size = FUSE_DIRENTPLUS_SIZE((const struct fuse_direntplus *)(n->listing + end));
		if (end + size - arg->offset > arg->size)
			break;
		end += size;
	}
	memcpy(answer.data, n->listing + arg->offset, end - arg->offset);
	return end - arg->offset;
}

static size_t init(const struct fuse_init_in *in)
{
	struct fuse_init_out out = { .major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.max_readahead = in->max_readahead,
		.max_write = 4096,
		.max_background = 64,
		.flags = in->flags & (FUSE_PARALLEL_DIROPS | FUSE_DO_READDIRPLUS | FUSE_MAX_PAGES),
		.max_pages = 256 };
	memcpy(answer.data, &out, sizeof(out));
	return sizeof(out);
}

static size_t attributes(const struct fuse_in_header *in)
{
	struct fuse_attr_out out = { .attr_valid = FOR_EVER, .attr = nodes[in->nodeid].attr };
	memcpy(answer.data, &out, sizeof(out));
	return sizeof(out);
}

/* Returns the bytes behind the header, or a negative error. */
static ssize_t answer_to(const struct fuse_in_header *in, const void *arg)
{
	switch (in->opcode) {
	case FUSE_INIT:
		return (ssize_t)init(arg);
	case FUSE_GETATTR:
		return (ssize_t)attributes(in);
	case FUSE_READDIRPLUS:
		return (ssize_t)list(in, arg);
	default:
		return -ENOSYS;
	}
}

static void serve(int device)
{
	const struct fuse_in_header *in = (const void *)request;
	for (;;) {
		ssize_t n = read(device, request, sizeof(request));
		if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOENT || errno == EPERM))
			continue; /* EPERM: not mounted yet */
		if (n < 0)
			exit(0);
		if (in->opcode == FUSE_FORGET || in->opcode == FUSE_BATCH_FORGET)
			continue;
		ssize_t len = answer_to(in, in + 1);
		answer.head = (struct fuse_out_header){
			.len = (uint32_t)(sizeof(answer.head) + (size_t)(len > 0 ? len : 0)),
			.error = len < 0 ? (int32_t)len : 0,
			.unique = in->unique,
		};
		if (write(device, &answer, answer.head.len) < 0 && errno != ENOENT)
			exit(0);
	}
}

static int run(int device, const char *dir, char *command[])
{
	char options[128];
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", device);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("floor", dir, "fuse.floor", MS_NODEV | MS_NOSUID | MS_RDONLY, options) < 0)
		die("mount");
	close(device);
	execvp(command[0], command);
	die(command[0]);
	return 1;
}

/* The command stays here, and so does the server, which goes behind it. */
static void share_processor(void)
{
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	if (sched_setaffinity(0, sizeof(one), &one) < 0)
		die("sched_setaffinity");
}

int main(int argc, char *argv[])
{
	const struct sched_param none = { 0 };
	bool companion = false;
	int option;
	while ((option = getopt(argc, argv, "+cf")) != -1) {
		full = full || option == 'f';
		companion = companion || option == 'c';
	}
	char **args = argv + optind;
	if (argc - optind < 3) {
		fprintf(stderr, "usage: floor-fuse [-f] [-c] TREE DIR COMMAND [ARG...]\n");
		return 1;
	}
	if (nftw(args[0], visit, 64, FTW_PHYS) != 0)
		die(args[0]);
	int device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (device < 0)
		die("/dev/fuse");
	if (companion)
		share_processor();
	pid_t child = fork();
	if (child == 0) {
		if (companion && sched_setscheduler(0, SCHED_IDLE, &none) < 0)
			die("sched_setscheduler");
		serve(device);
	}
	return child < 0 ? 1 : run(device, args[1], args + 2);
}
