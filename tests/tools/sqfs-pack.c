/*
 * tests/tools/sqfs-pack.c - a directory to an image through our writer, for tests and profiles
 *
 *   sqfs-pack DIRECTORY IMAGE [mksquashfs options…]     one thread reads the files in order of their names
 *   sqfs-pack -n COUNT IMAGE [options…]                 COUNT made-up tiny files instead
 *
 * Hard links are kept; owners are not. Prints the seconds of both phases and the peak of memory.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/fd.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "squashfs/writer.h"

/* A directory to be read: iterative, so that deep trees do not matter. */
struct todo {
	uint32_t node;
	char *path;
};

struct link {
	dev_t dev;
	ino_t ino;
	uint32_t inode;
};

struct pack {
	struct tree *tree;
	struct sqfs_writer *writer;
	struct todo *todo;
	size_t todo_count, todo_capacity;
	struct link *links;
	size_t link_count, link_capacity;
	uint8_t buf[512 * 1024];
};

static int copy_range(struct pack *p, int fd, off_t pos, off_t end, struct error *err)
{
	while (pos < end) {
		size_t want = (size_t)MIN(end - pos, (off_t)sizeof(p->buf));
		ssize_t n = fd_pread_full(fd, p->buf, want, (uint64_t)pos);
		if (n <= 0)
			return error_errno(err, "cannot read");
		if (sqfs_writer_file_data(p->writer, p->buf, (size_t)n, err) < 0)
			return -1;
		pos += n;
	}
	return 0;
}

/* Data and holes, as the file system tells them where files are sparse. */
static int copy_data(struct pack *p, int fd, const struct stat *st, struct error *err)
{
	if (st->st_blocks * 512 >= st->st_size)
		return copy_range(p, fd, 0, st->st_size, err);
	for (off_t pos = 0; pos < st->st_size;) {
		off_t data = lseek(fd, pos, SEEK_DATA);
		if (data < 0)
			data = st->st_size;
		if (sqfs_writer_file_hole(p->writer, (uint64_t)(data - pos), err) < 0)
			return -1;
		off_t end = data < st->st_size ? lseek(fd, data, SEEK_HOLE) : st->st_size;
		if (copy_range(p, fd, data, end, err) < 0)
			return -1;
		pos = end;
	}
	return 0;
}

static int pack_file(struct pack *p, const char *path, const struct stat *st, uint32_t *id, struct error *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return error_errno(err, "cannot open");
	if (sqfs_writer_file_begin(p->writer, (uint64_t)st->st_size, err) < 0 ||
		copy_data(p, fd, st, err) < 0)
		return -1;
	return sqfs_writer_file_end(p->writer, id, err);
}

static uint32_t pack_xattrs(struct pack *p, const char *path)
{
	static char names[64 * 1024], values[64][4096];
	struct tree_xattr list[64];
	size_t count = 0;
	ssize_t n = llistxattr(path, names, sizeof(names));
	for (char *name = names; n > 0 && name < names + n && count < 64; name += strlen(name) + 1) {
		ssize_t len = lgetxattr(path, name, values[count], sizeof(values[count]));
		if (len >= 0)
			list[count] = (struct tree_xattr){ name, values[count], (uint32_t)len };
		count += len >= 0;
	}
	return tree_add_xattrs(p->tree, list, count);
}

static uint32_t find_link(const struct pack *p, const struct stat *st)
{
	for (size_t i = p->link_count; i-- > 0 && st->st_nlink > 1;)
		if (p->links[i].dev == st->st_dev && p->links[i].ino == st->st_ino)
			return p->links[i].inode;
	return TREE_NONE;
}

static enum tree_type type_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return TREE_DIRECTORY;
	case S_IFLNK:
		return TREE_SYMLINK;
	case S_IFBLK:
		return TREE_BLOCK_DEVICE;
	case S_IFCHR:
		return TREE_CHAR_DEVICE;
	case S_IFIFO:
		return TREE_FIFO;
	case S_IFSOCK:
		return TREE_SOCKET;
	default:
		return TREE_FILE;
	}
}

static void fill_inode(struct pack *p, const char *path, const struct stat *st, struct tree_inode *inode)
{
	*inode = (struct tree_inode){
		.type = (uint8_t)type_of(st->st_mode),
		.mode = st->st_mode & 07777,
		.mtime = (uint32_t)st->st_mtime,
		.xattrs = pack_xattrs(p, path),
	};
	if (inode->type == TREE_FILE)
		inode->size = (uint64_t)st->st_size;
	if (inode->type == TREE_BLOCK_DEVICE || inode->type == TREE_CHAR_DEVICE)
		inode->rdev = (uint32_t)((minor(st->st_rdev) & 0xff) | (major(st->st_rdev) << 8) |
					 ((minor(st->st_rdev) & ~0xffu) << 12));
}

static int pack_entry(struct pack *p, const struct todo *dir, const char *name, struct error *err)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir->path, name);
	struct stat st;
	if (lstat(path, &st) < 0)
		return error_errno(err, "cannot stat %s", path);
	uint32_t id = find_link(p, &st);
	if (id == TREE_NONE) {
		struct tree_inode inode;
		fill_inode(p, path, &st, &inode);
		if (inode.type == TREE_FILE && pack_file(p, path, &st, &inode.data, err) < 0)
			return error_prefix(err, "%s", path);
		if (inode.type == TREE_SYMLINK) {
			ssize_t n = readlink(path, (char *)p->buf, sizeof(p->buf));
			inode.target = tree_store_string(p->tree, (char *)p->buf, (size_t)n);
		}
		id = tree_add_inode(p->tree, &inode);
		if (st.st_nlink > 1 && inode.type != TREE_DIRECTORY) {
			grow_array(&p->links, &p->link_capacity, p->link_count + 1);
			p->links[p->link_count++] = (struct link){ st.st_dev, st.st_ino, id };
		}
	}
	uint32_t node = tree_add(p->tree, dir->node, name, strlen(name), id);
	if (S_ISDIR(st.st_mode)) {
		grow_array(&p->todo, &p->todo_capacity, p->todo_count + 1);
		p->todo[p->todo_count++] = (struct todo){ node, steal_pointer(&path) };
	}
	return 0;
}

static int pack_directory(struct pack *p, const struct todo *dir, struct error *err)
{
	struct dirent **list;
	int n = scandir(dir->path, &list, NULL, alphasort), r = 0;
	if (n < 0)
		return error_errno(err, "cannot read %s", dir->path);
	for (int i = 0; i < n; i++) {
		if (r == 0 && !str_eq(list[i]->d_name, ".") && !str_eq(list[i]->d_name, ".."))
			r = pack_entry(p, dir, list[i]->d_name, err);
		free(list[i]);
	}
	free(list);
	return r;
}

static int pack_tree(struct pack *p, const char *path, struct error *err)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return error_errno(err, "cannot stat %s", path);
	struct tree_inode *root = tree_node(p->tree, TREE_ROOT);
	root->mode = st.st_mode & 07777;
	root->mtime = (uint32_t)st.st_mtime;
	p->todo = xmalloc(sizeof(*p->todo));
	p->todo_capacity = 1;
	p->todo[p->todo_count++] = (struct todo){ TREE_ROOT, xstrdup(path) };
	int r = 0;
	while (r == 0 && p->todo_count != 0) {
		struct todo dir = p->todo[--p->todo_count];
		r = pack_directory(p, &dir, err);
		free(dir.path);
	}
	return r;
}

static int pack_numbers(struct pack *p, unsigned count, struct error *err)
{
	uint32_t dir = TREE_ROOT;
	for (unsigned i = 0; i < count; i++) {
		char name[32], data[64];
		struct tree_inode inode = {
			.mode = 0755, .mtime = i, .xattrs = TREE_NO_XATTRS, .type = TREE_DIRECTORY
		};
		if (i % 1000 == 0) {
			int n = snprintf(name, sizeof(name), "directory-%u", i / 1000);
			dir = tree_add(p->tree, TREE_ROOT, name, (size_t)n, tree_add_inode(p->tree, &inode));
		}
		int n = snprintf(name, sizeof(name), "a-file-of-%u.txt", i % 1000);
		int len = snprintf(data, sizeof(data), "content number %u\n", i);
		inode.type = TREE_FILE;
		inode.size = (uint64_t)len;
		if (sqfs_writer_file_begin(p->writer, inode.size, err) < 0 ||
			sqfs_writer_file_data(p->writer, data, (size_t)len, err) < 0 ||
			sqfs_writer_file_end(p->writer, &inode.data, err) < 0)
			return -1;
		tree_add(p->tree, dir, name, (size_t)n, tree_add_inode(p->tree, &inode));
	}
	return 0;
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int run(char **argv, struct error *err)
{
	bool numbers = str_eq(argv[1], "-n");
	char **rest = argv + 2 + numbers;
	struct buffer words = BUFFER_INIT;
	for (char **a = rest + 1; *a != NULL; a++)
		buffer_printf(&words, "%s ", *a);
	struct sqfs_options options = SQFS_OPTIONS_DEFAULT;
	int r = sqfs_options_parse(words.data, &options, err);
	buffer_cleanup(&words);
	if (r < 0)
		return -1;
	_cleanup_close_ int fd = open(rest[0], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return error_errno(err, "cannot create %s", rest[0]);

	static struct pack p;
	double begin = now();
	p.tree = tree_new();
	p.writer = sqfs_writer_new(fd, 0, &options, err);
	uint64_t bytes = 0;
	double middle = 0;
	r = p.writer == NULL ? -1 : 0;
	if (r == 0)
		r = numbers ? pack_numbers(&p, (unsigned)atoi(argv[2]), err) : pack_tree(&p, argv[1], err);
	struct rusage data_usage, usage;
	getrusage(RUSAGE_SELF, &data_usage);
	middle = now();
	if (r == 0)
		r = sqfs_writer_finish(p.writer, p.tree, 0, &bytes, err);
	double end = now();
	getrusage(RUSAGE_SELF, &usage);
	if (r == 0)
		printf("%llu bytes; data %.3f s, %ld KiB; all %.3f s, %ld KiB\n", (unsigned long long)bytes,
			middle - begin, data_usage.ru_maxrss, end - begin, usage.ru_maxrss);
	sqfs_writer_free(p.writer);
	tree_free(p.tree);
	while (p.todo_count != 0)
		free(p.todo[--p.todo_count].path);
	free(p.todo);
	free(p.links);
	return r;
}

int main(int argc, char **argv)
{
	if (argc < 3 || (str_eq(argv[1], "-n") && argc < 4)) {
		fprintf(stderr, "usage: sqfs-pack DIRECTORY|-n COUNT IMAGE [mksquashfs options]\n");
		return 1;
	}
	interrupt_install();
	_cleanup_error_ struct error err = ERROR_INIT;
	if (run(argv, &err) == 0)
		return 0;
	log_failure(&err);
	return 1;
}
