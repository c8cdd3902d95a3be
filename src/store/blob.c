#include "store/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/paths.h"
#include "base/space.h"
#include "store/work_lock.h"

#define BLOB_MODE  0640
#define CACHE_MODE 0700

char *blob_path(const char *cache_path, const char *digest)
{
	const char *colon = strchr(digest, ':');
	return xasprintf("%s/blobs/%.*s/%s", cache_path, (int)(colon - digest), digest, colon + 1);
}

int blob_open(const char *cache_path, const char *digest, uint64_t size)
{
	_cleanup_free_ char *path = blob_path(cache_path, digest);
	/* O_NONBLOCK: a FIFO that somebody planted must not hang us. */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != size)
		return -1;
	return steal_fd(&fd);
}

int blob_find(const struct cache_places *p, const char *digest, uint64_t size, size_t *place)
{
	char *path;
	for (; (path = cache_place(p, *place)) != NULL; ++*place) {
		int fd = blob_open(path, digest, size);
		free(path);
		if (fd >= 0)
			return fd;
	}
	return -1;
}

/*
 * A folder of the cache, as accessible as the cache directory itself. Others may write there: what they put in its place
 * before we set the mode is not followed.
 */
static int make_folder(const char *path, mode_t mode, struct error *err)
{
	if (mkdir(path, mode) < 0)
		return errno == EEXIST ? 0 : error_errno(err, "cannot create directory %s", path);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 && fchmod(fd, mode) == 0 ? 0 : error_errno(err, "cannot set the mode of %s", path);
}

int cache_make_folder(const char *cache_path, const char *name, struct error *err)
{
	struct stat st;
	if (stat(cache_path, &st) < 0) {
		if (path_make_dirs(cache_path, CACHE_MODE, err) < 0)
			return -1;
		st.st_mode = CACHE_MODE;
	}
	_cleanup_free_ char *path = path_join(cache_path, name);
	return make_folder(path, st.st_mode & 07777, err);
}

static int make_folders(const char *cache_path, const char *digest, struct error *err)
{
	_cleanup_free_ char *folder = xasprintf("blobs/%.*s", (int)strcspn(digest, ":"), digest);
	if (cache_make_folder(cache_path, "blobs", err) < 0 || cache_make_folder(cache_path, folder, err) < 0)
		return -1;
	return 0;
}

struct work_lock *blob_lock(const char *cache_path, const char *digest)
{
	_cleanup_error_ struct error ignored = ERROR_INIT; /* who writes the blob finds out, and says so */
	_cleanup_free_ char *path = blob_path(cache_path, digest);
	(void)make_folders(cache_path, digest, &ignored);
	return work_lock_new(path);
}

int blob_begin(
	struct publish *p, const char *cache_path, const char *digest, uint64_t size, struct error *err)
{
	*p = PUBLISH_INIT;
	_cleanup_free_ char *path = blob_path(cache_path, digest);
	if (make_folders(cache_path, digest, err) < 0 || publish_begin(p, path, BLOB_MODE, true, err) < 0) {
		(void)space_hint(cache_path, size, "ENROOT_CACHE_PATH", err);
		return error_hint(err, "ENROOT_CACHE_PATH names the cache directory");
	}
	if (fchmod(p->fd, BLOB_MODE) < 0) {
		error_errno(err, "cannot set the mode of %s", path);
		publish_abort(p);
		return -1;
	}
	return 0;
}

/* Is the name taken by a file of our size? It holds the same bytes then, or will be found out when it is read. */
static bool is_there_already(const struct publish *p)
{
	struct stat ours, theirs;
	return fstat(p->fd, &ours) == 0 && fstatat(p->dir, p->name, &theirs, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(theirs.st_mode) && ours.st_size == theirs.st_size;
}

int blob_commit(struct publish *p, struct error *err)
{
	if (publish_commit(p, false, err) == 0)
		return 0;
	if (err->code != EEXIST)
		return -1;
	error_clear(err);
	if (!is_there_already(p))
		return publish_commit(p, true, err);
	publish_abort(p);
	return 0;
}

bool blob_discard(const char *cache_path, const char *digest, int fd)
{
	_cleanup_free_ char *path = blob_path(cache_path, digest);
	struct stat bad, now;
	if (fstat(fd, &bad) < 0 || lstat(path, &now) < 0 || bad.st_dev != now.st_dev ||
		bad.st_ino != now.st_ino)
		return true;
	return unlink(path) == 0 || errno == ENOENT;
}
