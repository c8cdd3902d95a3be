#include "base/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

char *publish_temp_name(void)
{
	uint64_t id;
	if (getrandom(&id, sizeof(id), 0) != (ssize_t)sizeof(id)) {
		struct timespec now;
		clock_gettime(CLOCK_REALTIME, &now);
		id = (uint64_t)now.tv_nsec << 32 ^ (uint64_t)now.tv_sec ^ (uint64_t)getpid() << 16;
	}
	return xasprintf(".enroot-%016" PRIx64, id);
}

static int open_parent(struct publish *p, struct error *err)
{
	const char *slash = strrchr(p->path, '/');
	p->name = xstrdup(slash != NULL ? slash + 1 : p->path);
	if (*p->name == '\0' || strcmp(p->name, ".") == 0 || strcmp(p->name, "..") == 0)
		return error_set(err, EINVAL, "Invalid argument: %s", p->path);
	_cleanup_free_ char *parent = NULL;
	if (slash == NULL)
		parent = xstrdup(".");
	else
		parent = xstrndup(p->path, slash == p->path ? 1 : (size_t)(slash - p->path));
	p->dir = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (p->dir < 0)
		return error_set(err, errno, "%s: %s", strerror(errno), p->path);
	return 0;
}

static int refuse_existing(const struct publish *p, bool replace, struct error *err)
{
	struct stat st;
	if (fstatat(p->dir, p->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : error_errno(err, "cannot look at %s", p->path);
	if (S_ISDIR(st.st_mode) && replace)
		return error_set(err, EISDIR, "Is a directory: %s", p->path);
	if (!replace)
		return error_set(err, EEXIST, "File already exists: %s", p->path);
	if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode)) /* /dev/null, say, in the hands of root */
		return error_set(err, EEXIST, "File already exists, and is no regular file: %s", p->path);
	return 0;
}

static int open_temporary(struct publish *p, mode_t mode)
{
	p->fd = openat(p->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
	if (p->fd >= 0)
		return 0;
	if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT && errno != EINVAL)
		return -1;
	for (int tries = 0; tries < 16; tries++) {
		free(p->temp);
		p->temp = publish_temp_name();
		p->fd = openat(p->dir, p->temp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
		if (p->fd >= 0)
			return 0;
		if (errno != EEXIST)
			break;
	}
	free(steal_pointer(&p->temp));
	return -1;
}

int publish_begin(struct publish *p, const char *path, mode_t mode, bool replace, struct error *err)
{
	*p = PUBLISH_INIT;
	p->path = xstrdup(path);
	if (open_parent(p, err) < 0 || refuse_existing(p, replace, err) < 0) {
		publish_abort(p);
		return -1;
	}
	if (open_temporary(p, mode) < 0) {
		error_errno(err, "cannot create %s", path);
		publish_abort(p);
		return -1;
	}
	return 0;
}

int rename_noreplace(int from_dir, const char *from, int to_dir, const char *to)
{
	if (renameat2(from_dir, from, to_dir, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	/* NFS and others lack the flag: link(2) refuses an existing name just as well. */
	if (linkat(from_dir, from, to_dir, to, 0) == 0)
		return unlinkat(from_dir, from, 0);
	if (errno != EPERM && errno != EISDIR && errno != EOPNOTSUPP)
		return -1;
	/* A directory: rename(2) itself refuses a non-empty one, and a mkdir reserves the name. */
	if (mkdirat(to_dir, to, 0700) < 0)
		return -1;
	return renameat(from_dir, from, to_dir, to);
}

/* A file made by O_TMPFILE gets a name by linkat(2) through /proc (AT_EMPTY_PATH wants a capability). */
static int link_unnamed(const struct publish *p, const char *name)
{
	char proc[64];
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", p->fd);
	return linkat(AT_FDCWD, proc, p->dir, name, AT_SYMLINK_FOLLOW);
}

static int give_name(struct publish *p, bool replace)
{
	if (p->temp == NULL) {
		if (!replace)
			return link_unnamed(p, p->name);
		p->temp = publish_temp_name();
		if (link_unnamed(p, p->temp) < 0) {
			free(steal_pointer(&p->temp));
			return -1;
		}
	}
	int r = replace ? renameat(p->dir, p->temp, p->dir, p->name)
			: rename_noreplace(p->dir, p->temp, p->dir, p->name);
	if (r == 0)
		free(steal_pointer(&p->temp));
	return r;
}

int publish_commit(struct publish *p, bool replace, struct error *err)
{
	if (fsync(p->fd) < 0)
		return error_errno(err, "cannot write %s", p->path);
	if (give_name(p, replace) < 0) {
		if (errno == EEXIST)
			return error_set(err, EEXIST, "File already exists: %s", p->path);
		return error_errno(err, "cannot publish %s", p->path);
	}
	/* The rename is durable once its directory is; O_PATH descriptors cannot be fsynced. */
	_cleanup_close_ int dir = openat(p->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0)
		(void)fsync(dir);
	publish_abort(p);
	return 0;
}

void publish_abort(struct publish *p)
{
	if (p->temp != NULL)
		(void)unlinkat(p->dir, p->temp, 0);
	if (p->fd >= 0)
		close(p->fd);
	if (p->dir >= 0)
		close(p->dir);
	free(p->path);
	free(p->name);
	free(p->temp);
	*p = PUBLISH_INIT;
}
