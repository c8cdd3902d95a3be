/*
 * tests/tools/count-fs.c - a shared file system that counts what it is asked
 *
 *	count-fs DIR MOUNTPOINT COUNTS READY
 *
 * Serves DIR at MOUNTPOINT as a client of NFS or Lustre would see it: names and attributes are cached for a minute, data
 * in the page cache of the mount, which is a node's own. What is not cached is counted here by kind, as it would arrive
 * at the server. Anything that would write is refused with EROFS and counted, too; locks are asked for here. READY is made
 * once it is mounted; COUNTS is written, a line "KIND NUMBER" each and "BYTES number", when it is unmounted. Needs root.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define NODES_MAX     65536
#define REQUEST_BYTES ((1 << 20) + 4096)
#define READ_MAX      (1 << 20)
#define VALID_SECONDS 60

static const char *const kinds[64] = {
	[FUSE_LOOKUP] = "lookup",
	[FUSE_GETATTR] = "getattr",
	[FUSE_SETATTR] = "setattr",
	[FUSE_READLINK] = "readlink",
	[FUSE_SYMLINK] = "symlink",
	[FUSE_MKNOD] = "mknod",
	[FUSE_MKDIR] = "mkdir",
	[FUSE_UNLINK] = "unlink",
	[FUSE_RMDIR] = "rmdir",
	[FUSE_RENAME] = "rename",
	[FUSE_RENAME2] = "rename",
	[FUSE_LINK] = "link",
	[FUSE_OPEN] = "open",
	[FUSE_READ] = "read",
	[FUSE_WRITE] = "write",
	[FUSE_STATFS] = "statfs",
	[FUSE_RELEASE] = "release",
	[FUSE_FSYNC] = "fsync",
	[FUSE_SETXATTR] = "setxattr",
	[FUSE_GETXATTR] = "getxattr",
	[FUSE_LISTXATTR] = "listxattr",
	[FUSE_REMOVEXATTR] = "removexattr",
	[FUSE_FLUSH] = "flush",
	[FUSE_OPENDIR] = "opendir",
	[FUSE_READDIR] = "readdir",
	[FUSE_RELEASEDIR] = "releasedir",
	[FUSE_FSYNCDIR] = "fsyncdir",
	[FUSE_GETLK] = "lock",
	[FUSE_SETLK] = "lock",
	[FUSE_SETLKW] = "lock",
	[FUSE_CREATE] = "create",
	[FUSE_IOCTL] = "ioctl",
	[FUSE_FALLOCATE] = "fallocate",
	[FUSE_TMPFILE] = "tmpfile",
};

static char *paths[NODES_MAX]; /* by node number; that of the top is 1 */
static uint64_t node_count = 2, counts[64], bytes;
static int device;
static char request[REQUEST_BYTES], answer[READ_MAX];

static void reply(uint64_t unique, int error, const void *data, size_t size)
{
	char out[sizeof(struct fuse_out_header) + READ_MAX];
	struct fuse_out_header head = {
		.len = (uint32_t)(sizeof(head) + (error == 0 ? size : 0)), .error = -error, .unique = unique
	};
	memcpy(out, &head, sizeof(head));
	if (error == 0 && size > 0)
		memcpy(out + sizeof(head), data, size);
	(void)!write(device, out, head.len);
}

static void fill(struct fuse_attr *a, const struct stat *st)
{
	*a = (struct fuse_attr){ .ino = st->st_ino,
		.size = (uint64_t)st->st_size,
		.blocks = (uint64_t)st->st_blocks,
		.atime = (uint64_t)st->st_atime,
		.mtime = (uint64_t)st->st_mtime,
		.ctime = (uint64_t)st->st_ctime,
		.mode = st->st_mode,
		.nlink = (uint32_t)st->st_nlink,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.blksize = 4096 };
}

static uint64_t node_of(const char *path)
{
	for (uint64_t i = 1; i < node_count; i++)
		if (paths[i] != NULL && strcmp(paths[i], path) == 0)
			return i;
	if (node_count == NODES_MAX)
		return 0;
	paths[node_count] = strdup(path);
	return node_count++;
}

static void look_up(const struct fuse_in_header *in, const char *name)
{
	char path[PATH_MAX];
	struct stat st;
	struct fuse_entry_out out = { .entry_valid = VALID_SECONDS, .attr_valid = VALID_SECONDS };
	int len = snprintf(path, sizeof(path), "%s/%s", paths[in->nodeid], name);
	if (len < 0 || len >= (int)sizeof(path)) {
		reply(in->unique, ENAMETOOLONG, NULL, 0);
		return;
	}
	if (lstat(path, &st) == 0) {
		out.nodeid = node_of(path);
		fill(&out.attr, &st);
	} /* else number 0: that it is missing is cached as well */
	reply(in->unique, 0, &out, sizeof(out));
}

static void read_file(const struct fuse_in_header *in, const struct fuse_read_in *r)
{
	ssize_t n = pread((int)r->fh, answer, r->size < READ_MAX ? r->size : READ_MAX, (off_t)r->offset);
	if (n > 0)
		bytes += (uint64_t)n;
	reply(in->unique, n < 0 ? errno : 0, answer, n > 0 ? (size_t)n : 0);
}

/* Offsets are the numbers of entries. */
static void read_directory(const struct fuse_in_header *in, const struct fuse_read_in *r)
{
	DIR *d = opendir(paths[in->nodeid]);
	size_t used = 0;
	uint64_t number = 0;
	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
		struct fuse_dirent *out = (struct fuse_dirent *)(void *)(answer + used);
		size_t len = strlen(e->d_name), size = FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + len);
		if (number++ < r->offset)
			continue;
		if (used + size > r->size)
			break;
		*out = (struct fuse_dirent){
			.ino = e->d_ino, .off = number, .namelen = (uint32_t)len, .type = e->d_type
		};
		memcpy(out->name, e->d_name, len);
		used += size;
	}
	if (d != NULL)
		closedir(d);
	reply(in->unique, 0, answer, used);
}

static void start(const struct fuse_in_header *in, const struct fuse_init_in *init)
{
	struct fuse_init_out out = { .major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.max_readahead = init->max_readahead,
		.flags = init->flags & (FUSE_ASYNC_READ | FUSE_POSIX_LOCKS | FUSE_FLOCK_LOCKS |
					       FUSE_BIG_WRITES | FUSE_MAX_PAGES | FUSE_CACHE_SYMLINKS),
		.max_background = 64,
		.max_write = READ_MAX,
		.max_pages = READ_MAX / 4096 };
	reply(in->unique, 0, &out, sizeof(out));
}

static void open_node(const struct fuse_in_header *in)
{
	struct fuse_open_out out = { .open_flags = FOPEN_KEEP_CACHE };
	int fd = 0;
	if (in->opcode == FUSE_OPEN)
		fd = open(paths[in->nodeid], O_RDONLY | O_CLOEXEC);
	out.fh = (uint64_t)fd;
	reply(in->unique, fd < 0 ? errno : 0, &out, sizeof(out));
}

static void attributes(const struct fuse_in_header *in)
{
	struct fuse_attr_out out = { .attr_valid = VALID_SECONDS };
	struct stat st;
	int code = lstat(paths[in->nodeid], &st) < 0 ? errno : 0;
	if (code == 0)
		fill(&out.attr, &st);
	reply(in->unique, code, &out, sizeof(out));
}

static void file_system(const struct fuse_in_header *in)
{
	struct fuse_statfs_out out = {
		.st = { .bsize = 4096, .frsize = 4096, .namelen = 255, .blocks = 1 << 20 }
	};
	reply(in->unique, 0, &out, sizeof(out));
}

static void serve(const struct fuse_in_header *in, const char *body)
{
	switch (in->opcode) {
	case FUSE_INIT:
		start(in, (const struct fuse_init_in *)(const void *)body);
		return;
	case FUSE_LOOKUP:
		look_up(in, body);
		return;
	case FUSE_GETATTR:
		attributes(in);
		return;
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		open_node(in);
		return;
	case FUSE_READ:
		read_file(in, (const struct fuse_read_in *)(const void *)body);
		return;
	case FUSE_READDIR:
		read_directory(in, (const struct fuse_read_in *)(const void *)body);
		return;
	case FUSE_READLINK: {
		ssize_t n = readlink(paths[in->nodeid], answer, PATH_MAX);
		reply(in->unique, n < 0 ? errno : 0, answer, n > 0 ? (size_t)n : 0);
		return;
	}
	case FUSE_STATFS:
		file_system(in);
		return;
	case FUSE_RELEASE:
		close((int)((const struct fuse_release_in *)(const void *)body)->fh);
		/* fall through */
	case FUSE_RELEASEDIR:
	case FUSE_FLUSH:
		reply(in->unique, 0, NULL, 0);
		return;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		return; /* nobody waits for an answer */
	case FUSE_GETXATTR:
	case FUSE_LISTXATTR:
		reply(in->unique, ENOSYS, NULL, 0);
		return;
	default:
		reply(in->unique, EROFS, NULL, 0);
	}
}

static int write_counts(const char *path)
{
	FILE *f = fopen(path, "w");
	if (f == NULL)
		return 1;
	for (unsigned i = 0; i < 64; i++)
		if (counts[i] > 0 && i != FUSE_INIT && i != FUSE_FORGET && i != FUSE_BATCH_FORGET &&
			i != FUSE_INTERRUPT && i != FUSE_DESTROY)
			fprintf(f, "%s %llu\n", kinds[i] != NULL ? kinds[i] : "other",
				(unsigned long long)counts[i]);
	fprintf(f, "BYTES %llu\n", (unsigned long long)bytes);
	return fclose(f) == 0 ? 0 : 1;
}

int main(int argc, char *argv[])
{
	char options[128];
	if (argc != 5) {
		fprintf(stderr, "usage: count-fs DIR MOUNTPOINT COUNTS READY\n");
		return 1;
	}
	paths[FUSE_ROOT_ID] = realpath(argv[1], NULL);
	device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	snprintf(options, sizeof(options),
		"fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions", device);
	if (paths[FUSE_ROOT_ID] == NULL || device < 0 ||
		mount("count-fs", argv[2], "fuse", MS_NOSUID | MS_NODEV, options) < 0) {
		perror("count-fs");
		return 1;
	}
	if (open(argv[4], O_WRONLY | O_CREAT | O_CLOEXEC, 0644) < 0)
		return 1;
	for (;;) {
		ssize_t n = read(device, request, sizeof(request));
		const struct fuse_in_header *in = (const struct fuse_in_header *)(const void *)request;
		if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOENT))
			continue;
		if (n < (ssize_t)sizeof(*in))
			break; /* ENODEV: unmounted */
		if (in->opcode < 64)
			counts[in->opcode]++;
		serve(in, request + sizeof(*in));
	}
	return write_counts(argv[3]);
}
