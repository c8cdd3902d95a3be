/*
 * The directory of --overlay: upper/, work/ and "image", which says whose changes these are. An overlay over
 * another lower layer than the one that its upper was made for shows nonsense.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/str.h"
#include "squashfs/format.h"
#include "start/image_private.h"

#define IDENTITY_FILE "image"
#define IDENTITY_MAX  512

/* An image is known by its superblock: sizes and places of all tables, number of inodes, and the time. */
static char *describe_image(int fd, uint64_t offset, struct error *err)
{
	uint8_t super[SQFS_SUPERBLOCK_SIZE];
	char hex[2 * sizeof(super) + 1];
	if (fd_pread_full(fd, super, sizeof(super), offset) != (ssize_t)sizeof(super)) {
		error_errno(err, "cannot read the image");
		return NULL;
	}
	str_hex(super, sizeof(super), hex);
	return xasprintf("squashfs %s\n", hex);
}

static bool is_empty(int dir)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
	if (d == NULL) {
		if (copy >= 0)
			close(copy);
		return false;
	}
	struct dirent *entry;
	while ((entry = readdir(d)) != NULL) {
		if (!str_eq(entry->d_name, ".") && !str_eq(entry->d_name, ".."))
			return false;
	}
	return true;
}

static int write_identity(int dir, const char *path, const char *identity, struct error *err)
{
	if (!is_empty(dir)) {
		error_set(err, ENOTEMPTY, "%s is neither empty nor the overlay of an image", path);
		return error_hint(err, "give --overlay a directory of its own");
	}
	_cleanup_close_ int fd =
		openat(dir, IDENTITY_FILE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0 || fd_write_full(fd, identity, strlen(identity)) < 0 || fsync(fd) < 0)
		return error_errno(err, "cannot write %s/" IDENTITY_FILE, path);
	return 0;
}

static int check_identity(int dir, const char *path, const char *identity, struct error *err)
{
	_cleanup_free_ char *found = NULL;
	size_t len;
	_cleanup_close_ int fd = openat(dir, IDENTITY_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return write_identity(dir, path, identity, err);
	if (fd < 0 || fd_read_all(fd, IDENTITY_MAX, &found, &len) < 0)
		return error_errno(err, "cannot read %s/" IDENTITY_FILE, path);
	if (str_eq(found, identity))
		return 0;
	error_set(err, EINVAL, "%s keeps the changes of another image", path);
	return error_hint(err, "use another directory, or start the image that it was made with");
}

int kept_open(const char *path, int fd, uint64_t offset, struct error *err)
{
	_cleanup_free_ char *identity = describe_image(fd, offset, err);
	if (identity == NULL || path_make_dirs(path, 0755, err) < 0)
		return -1;
	_cleanup_close_ int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return error_errno(err, "cannot open %s", path);
	if (flock(dir, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			return error_set(err, EBUSY, "%s is in use by another container", path);
		return error_errno(err, "cannot lock %s", path);
	}
	if (check_identity(dir, path, identity, err) < 0)
		return -1;
	return steal_fd(&dir);
}
