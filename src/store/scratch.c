/* store/scratch.c - where containers are made and taken apart */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/paths.h"
#include "base/publish.h"
#include "base/str.h"
#include "store/container.h"

#define LOCK_NAME    "lock"
#define TRIES        8
#define TEMP_PREFIX  ".enroot-"
#define TEMP_HEX_LEN 16u

/* The names that publish_temp_name() gives. */
static bool is_scratch_name(const char *name)
{
	if (!str_starts_with(name, TEMP_PREFIX))
		return false;
	name += strlen(TEMP_PREFIX);
	return strlen(name) == TEMP_HEX_LEN && strspn(name, "0123456789abcdef") == TEMP_HEX_LEN;
}

static void remove_all(int data, int dir, const char *name, const char *path, container_remover remover)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	if (remover(dir, CONTAINER_SCRATCH_TREE, path, &err) < 0)
		return; /* the lock stays, so that another tries again */
	(void)unlinkat(dir, LOCK_NAME, 0);
	(void)unlinkat(data, name, AT_REMOVEDIR);
}

/* Remove the scratch directory NAME unless its owner lives. */
static void clean_one(int data, const char *data_path, const char *name, container_remover remover)
{
	_cleanup_close_ int dir = openat(data, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return;
	_cleanup_close_ int lock = openat(dir, LOCK_NAME, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (lock < 0) {
		/* Killed before it had one, or just about to make it: then it sees that the directory is gone. */
		(void)unlinkat(data, name, AT_REMOVEDIR);
		return;
	}
	if (flock(lock, LOCK_EX | LOCK_NB) < 0)
		return;
	_cleanup_free_ char *path = xasprintf("%s/%s/%s", data_path, name, CONTAINER_SCRATCH_TREE);
	remove_all(data, dir, name, path, remover);
}

static void clean_leftovers(int data, const char *data_path, container_remover remover)
{
	int fd = openat(data, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	if (d == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		if (is_scratch_name(e->d_name))
			clean_one(data, data_path, e->d_name, remover);
	}
}

/* Take the lock of a new scratch directory. false: a cleaner was there first. */
static bool take_lock(struct container_scratch *s)
{
	struct stat st;
	s->lock = openat(s->dir, LOCK_NAME, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (s->lock < 0)
		return false;
	if (flock(s->lock, LOCK_EX | LOCK_NB) < 0)
		return errno != EWOULDBLOCK; /* no locks here: nobody cleans up, then */
	bool there = fstat(s->lock, &st) == 0 && st.st_nlink != 0;
	errno = EEXIST;
	return there;
}

static int try_begin(struct container_scratch *s)
{
	s->name = publish_temp_name();
	if (mkdirat(s->data, s->name, 0700) < 0)
		return -1;
	s->dir = openat(s->data, s->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->dir >= 0 && take_lock(s))
		return 0;
	int code = errno;
	if (s->lock >= 0)
		close(s->lock);
	if (s->dir >= 0) {
		(void)unlinkat(s->dir, LOCK_NAME, 0);
		close(s->dir);
	}
	(void)unlinkat(s->data, s->name, AT_REMOVEDIR);
	s->dir = s->lock = -1;
	errno = code;
	return -1;
}

int container_scratch_begin(
	struct container_scratch *s, const char *data_path, container_remover remover, struct error *err)
{
	*s = CONTAINER_SCRATCH_INIT;
	s->remove = remover;
	s->data = open(data_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->data < 0)
		return error_errno(err, "cannot open %s", data_path);
	clean_leftovers(s->data, data_path, remover);
	int r = -1;
	for (int i = 0; r < 0 && i < TRIES; i++) {
		free(s->name);
		r = try_begin(s);
		if (r < 0 && errno != EEXIST && errno != ENOENT && errno != EWOULDBLOCK)
			break;
	}
	if (r < 0) {
		error_errno(err, "cannot create a directory in %s", data_path);
		free(steal_pointer(&s->name));
		container_scratch_end(s);
		return -1;
	}
	s->path = xasprintf("%s/%s/%s", data_path, s->name, CONTAINER_SCRATCH_TREE);
	return 0;
}

void container_scratch_end(struct container_scratch *s)
{
	if (s->name != NULL)
		remove_all(s->data, s->dir, s->name, s->path, s->remove);
	container_scratch_leave(s);
}

void container_scratch_leave(struct container_scratch *s)
{
	if (s->lock >= 0)
		close(s->lock);
	if (s->dir >= 0)
		close(s->dir);
	if (s->data >= 0)
		close(s->data);
	free(s->name);
	free(s->path);
	*s = CONTAINER_SCRATCH_INIT;
}

int container_scratch_make_tree(struct container_scratch *s, struct error *err)
{
	int fd = -1;
	if (mkdirat(s->dir, CONTAINER_SCRATCH_TREE, 0700) == 0)
		fd = openat(s->dir, CONTAINER_SCRATCH_TREE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? error_errno(err, "cannot create %s", s->path) : fd;
}

/* A directory that changes its parent must be writable itself: its owner may repair that. */
static void make_movable(int data, const char *name)
{
	_cleanup_close_ int fd = openat(data, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	char proc[64];
	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	if ((st.st_mode & S_IRWXU) != S_IRWXU)
		(void)chmod(proc, (st.st_mode & 07777) | S_IRWXU);
}

/* In one step where the file system can, else the old one is out of the way for a moment. */
static int exchange(struct container_scratch *s, const char *name)
{
	if (renameat2(s->dir, CONTAINER_SCRATCH_TREE, s->data, name, RENAME_EXCHANGE) == 0)
		return 0;
	if (errno == ENOENT)
		return rename_noreplace(s->dir, CONTAINER_SCRATCH_TREE, s->data, name);
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	static const char old[] = "old";
	if (renameat(s->data, name, s->dir, old) < 0 && errno != ENOENT)
		return -1;
	if (renameat(s->dir, CONTAINER_SCRATCH_TREE, s->data, name) == 0)
		return renameat(s->dir, old, s->dir, CONTAINER_SCRATCH_TREE) < 0 && errno != ENOENT ? -1 : 0;
	int code = errno;
	(void)renameat(s->dir, old, s->data, name);
	errno = code;
	return -1;
}

int container_scratch_publish(
	struct container_scratch *s, const char *data_path, const char *name, bool replace, struct error *err)
{
	_cleanup_free_ char *path = container_path(data_path, name);
	if (replace)
		make_movable(s->data, name);
	int r = replace ? exchange(s, name) : rename_noreplace(s->dir, CONTAINER_SCRATCH_TREE, s->data, name);
	if (r == 0)
		return 0;
	if (errno == EEXIST || errno == ENOTEMPTY)
		return error_set(err, EEXIST, "File already exists: %s", path);
	return error_errno(err, "cannot create %s", path);
}

int container_scratch_take(struct container_scratch *s, const char *name, struct error *err)
{
	make_movable(s->data, name);
	if (renameat(s->data, name, s->dir, CONTAINER_SCRATCH_TREE) < 0)
		return error_errno(err, "cannot remove %s", name);
	return 0;
}

int container_scratch_restore(struct container_scratch *s, const char *name, struct error *err)
{
	if (rename_noreplace(s->dir, CONTAINER_SCRATCH_TREE, s->data, name) < 0)
		return error_errno(err, "cannot restore %s", name);
	return 0;
}
