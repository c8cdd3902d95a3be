#include "sandbox/processes.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/str.h"

#define MOUNTINFO_MAX_BYTES (16u << 20)

/* Where the containers are: a directory of one mount, and what that is in its file system. */
struct data_place {
	char *path;   /* canonical; NULL: there is none */
	char *device; /* "major:minor" of the mount */
	char *inside; /* the path of the directory in the file system, without a trailing slash */
};

/* One line of mountinfo (proc(5)); the parts point into it, cut at the blanks and decoded. */
struct mount_line {
	char *id, *device, *root, *point, *type, *source;
};

static void decode_octal(char *s)
{
	char *out = s;
	for (; *s != '\0'; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' && s[3] >= '0' &&
			s[3] <= '7') {
			*out++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}

static bool parse_mount_line(char *line, struct mount_line *m)
{
	char *fields[6], *save = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		fields[i] = strtok_r(i == 0 ? line : NULL, " ", &save);
		if (fields[i] == NULL)
			return false;
	}
	for (char *tag; (tag = strtok_r(NULL, " ", &save)) != NULL && !str_eq(tag, "-");)
		;
	*m = (struct mount_line){
		.id = fields[0], .device = fields[2], .root = fields[3], .point = fields[4]
	};
	m->type = strtok_r(NULL, " ", &save);
	m->source = strtok_r(NULL, " ", &save);
	if (m->type == NULL || m->source == NULL)
		return false;
	decode_octal(m->root);
	decode_octal(m->point);
	decode_octal(m->source);
	return true;
}

static char *read_proc(int dir, const char *name, size_t max, size_t *len)
{
	_cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	char *text;
	if (fd < 0 || fd_read_all(fd, max, &text, len) < 0)
		return NULL;
	return text;
}

/* Call FN for each line of DIR/mountinfo until it returns true. */
static bool for_each_mount(int dir, bool (*fn)(const struct mount_line *m, void *ctx), void *ctx)
{
	size_t len;
	_cleanup_free_ char *text = read_proc(dir, "mountinfo", MOUNTINFO_MAX_BYTES, &len);
	char *save = NULL;
	for (char *line = text != NULL ? strtok_r(text, "\n", &save) : NULL; line != NULL;
		line = strtok_r(NULL, "\n", &save)) {
		struct mount_line m;
		if (parse_mount_line(line, &m) && fn(&m, ctx))
			return true;
	}
	return false;
}

struct place_search {
	char id[32];
	struct data_place *place;
};

static bool is_mount_of_place(const struct mount_line *m, void *ctx)
{
	struct place_search *s = ctx;
	if (!str_eq(m->id, s->id))
		return false;
	size_t point = str_eq(m->point, "/") ? 0 : strlen(m->point);
	if (strncmp(s->place->path, m->point, point) != 0)
		return false;
	s->place->device = xstrdup(m->device);
	s->place->inside = xasprintf("%s%s", str_eq(m->root, "/") ? "" : m->root, s->place->path + point);
	return true;
}

/* The id of the mount that FD is on, from /proc/self/fdinfo (statx(2) tells it only since Linux 5.8). */
static bool mount_id(int fd, char id[32])
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	size_t len;
	_cleanup_free_ char *text = read_proc(AT_FDCWD, path, 4096, &len);
	const char *line = text != NULL ? strstr(text, "mnt_id:") : NULL;
	return line != NULL && sscanf(line, "mnt_id: %31[0-9]", id) == 1;
}

/* Follow symlinks in the data path: the kernel names root filesystems by their real place. */
static void find_place(const char *data_path, struct data_place *place)
{
	*place = (struct data_place){ 0 };
	char *real = data_path != NULL ? realpath(data_path, NULL) : NULL;
	if (real == NULL)
		return;
	place->path = real;
	struct place_search search = { .place = place };
	_cleanup_close_ int fd = open(real, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && self >= 0 && mount_id(fd, search.id))
		for_each_mount(self, is_mount_of_place, &search);
}

static void place_cleanup(struct data_place *place)
{
	free(place->path);
	free(place->device);
	free(place->inside);
}

/* NAME if PATH is BASE/NAME, else NULL. */
static const char *child_of(const char *base, const char *path)
{
	size_t len = strlen(base);
	if (strncmp(path, base, len) != 0 || path[len] != '/' || path[len + 1] == '\0' ||
		path[len + 1] == '.' || strchr(path + len + 1, '/') != NULL)
		return NULL;
	return path + len + 1;
}

struct root_search {
	const struct data_place *place;
	char *name;
};

/* The topmost mount on "/" comes last. An overlay's source names the container under it. */
static bool note_root(const struct mount_line *m, void *ctx)
{
	struct root_search *s = ctx;
	if (!str_eq(m->point, "/"))
		return false;
	free(s->name);
	s->name = NULL;
	const char *name = NULL;
	if (s->place->device != NULL && str_eq(m->device, s->place->device))
		name = child_of(s->place->inside, m->root);
	else if (s->place->path != NULL && str_eq(m->type, "overlay"))
		name = child_of(s->place->path, m->source);
	s->name = name != NULL ? xstrdup(name) : NULL;
	return false;
}

static char *container_name(int proc, const struct data_place *place)
{
	struct root_search search = { .place = place };
	for_each_mount(proc, note_root, &search);
	if (search.name == NULL)
		return NULL;
	/* An image file in there, or one that was removed and made again, is not a container's directory. */
	_cleanup_free_ char *path = xasprintf("%s/%s", place->path, search.name);
	struct stat st;
	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)) {
		free(search.name);
		return NULL;
	}
	return search.name;
}

static bool namespace_of(int proc, const char *name, uint64_t *inode)
{
	struct stat st;
	if (fstatat(proc, name, &st, 0) < 0)
		return false;
	*inode = st.st_ino;
	return true;
}

static bool knows_namespace(const struct container_processes *list, uint64_t mnt_ns)
{
	for (size_t i = 0; i < list->count; i++) {
		if (list->items[i].mnt_ns == mnt_ns)
			return true;
	}
	return false;
}

/* One system call for each of the thousands of processes that are in no container: the link says "mnt:[INODE]". */
static bool is_elsewhere(const struct container_processes *list, pid_t pid, uint64_t own)
{
	char path[32], text[64];
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
	ssize_t n = readlink(path, text, sizeof(text) - 1);
	uint64_t inode;
	text[n > 0 ? n : 0] = '\0';
	return n > 0 && sscanf(text, "mnt:[%" SCNu64 "]", &inode) == 1 && inode != own &&
	       !knows_namespace(list, inode);
}

/* Root filesystems are mounted nosuid,nodev; others' that hold a file /.lock hardly are. */
static bool is_root_of_ours(int proc)
{
	struct statvfs fs;
	_cleanup_close_ int root = openat(proc, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const unsigned long flags = ST_NOSUID | ST_NODEV;
	return root >= 0 && fstatvfs(root, &fs) == 0 && (fs.f_flag & flags) == flags;
}

/* PIDs come in ascending order, so the first of a namespace is the one to show. */
static void look_at(struct container_processes *list, pid_t pid, uint64_t own, const struct data_place *place)
{
	if (!is_elsewhere(list, pid, own))
		return;
	char path[32];
	snprintf(path, sizeof(path), "/proc/%d", pid);
	_cleanup_close_ int proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct container_process p = { .pid = pid };
	struct stat lock;
	if (proc < 0 || !namespace_of(proc, "ns/mnt", &p.mnt_ns) || p.mnt_ns == own ||
		knows_namespace(list, p.mnt_ns) || !namespace_of(proc, "ns/user", &p.user_ns) ||
		fstatat(proc, "root/.lock", &lock, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(lock.st_mode))
		return;
	p.name = container_name(proc, place);
	if (p.name == NULL && !is_root_of_ours(proc))
		return;
	grow_array(&list->items, &list->capacity, list->count + 1);
	list->items[list->count++] = p;
}

static int compare_pids(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;
	return x < y ? -1 : x > y;
}

static int compare_items(const void *a, const void *b)
{
	const struct container_process *x = a, *y = b;
	if ((x->name == NULL) != (y->name == NULL))
		return x->name == NULL ? 1 : -1;
	int r = x->name != NULL ? strcmp(x->name, y->name) : 0;
	return r != 0 ? r : compare_pids(&x->pid, &y->pid);
}

static int read_pids(pid_t **pids, size_t *count, struct error *err)
{
	_cleanup_closedir_ DIR *d = opendir("/proc");
	if (d == NULL)
		return error_errno(err, "cannot read /proc");
	size_t capacity = 0;
	*pids = NULL;
	*count = 0;
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		uint64_t pid;
		if (!str_parse_u64(e->d_name, &pid) || pid > INT_MAX)
			continue;
		grow_array(pids, &capacity, *count + 1);
		(*pids)[(*count)++] = (pid_t)pid;
	}
	return 0;
}

int container_processes_find(struct container_processes *list, const char *data_path, struct error *err)
{
	_cleanup_free_ pid_t *pids = NULL;
	size_t count = 0;
	if (read_pids(&pids, &count, err) < 0)
		return -1;
	if (count > 1)
		qsort(pids, count, sizeof(*pids), compare_pids);
	uint64_t own = 0;
	namespace_of(AT_FDCWD, "/proc/self/ns/mnt", &own);
	struct data_place place;
	find_place(data_path, &place);
	for (size_t i = 0; i < count; i++)
		look_at(list, pids[i], own, &place);
	place_cleanup(&place);
	if (list->count > 1)
		qsort(list->items, list->count, sizeof(*list->items), compare_items);
	return 0;
}

void container_processes_cleanup(struct container_processes *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i].name);
	free(list->items);
	*list = CONTAINER_PROCESSES_INIT;
}
