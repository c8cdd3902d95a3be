#include "hooks/skeleton.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/str.h"
#include "rootfs/resolve.h"

#define MAX_ENTRIES    1000
#define MAX_DEPTH      8
#define MAX_FILE_BYTES (1u << 20)

static int copy_directory(int from, int to, unsigned depth, unsigned *left);

static int copy_file(int from, int to, const char *name)
{
	_cleanup_close_ int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	_cleanup_free_ char *text = NULL;
	size_t len;
	if (in < 0 || fstat(in, &st) < 0 || !S_ISREG(st.st_mode) ||
		fd_read_all(in, MAX_FILE_BYTES, &text, &len) < 0)
		return 0; /* unreadable or too large: left out */
	mode_t mode = (st.st_mode & 0777) | 0600;
	_cleanup_close_ int out =
		openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	return out < 0 ? -1 : fd_write_full(out, text, len);
}

static int copy_link(int from, int to, const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from, name, target, sizeof(target) - 1);
	if (n <= 0)
		return 0;
	target[n] = '\0';
	return symlinkat(target, to, name);
}

static int copy_subdirectory(int from, int to, const char *name, unsigned depth, unsigned *left)
{
	const int flags = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	_cleanup_close_ int in = openat(from, name, flags | O_RDONLY);
	if (in < 0 || depth >= MAX_DEPTH)
		return 0;
	if (mkdirat(to, name, 0700) < 0)
		return -1;
	_cleanup_close_ int out = openat(to, name, flags | O_PATH);
	return out < 0 ? -1 : copy_directory(in, out, depth + 1, left);
}

static int copy_entry(int from, int to, const char *name, unsigned depth, unsigned *left)
{
	struct stat st;
	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
		return copy_file(from, to, name);
	case S_IFLNK:
		return copy_link(from, to, name);
	case S_IFDIR:
		return copy_subdirectory(from, to, name, depth, left);
	default:
		return 0;
	}
}

/* The depth is bounded by copy_subdirectory. */
static int copy_directory(int from, int to, unsigned depth, unsigned *left)
{
	int copy = dup(from);
	_cleanup_closedir_ DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	if (dir == NULL)
		return -1;
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
			continue;
		if (*left == 0)
			return 0;
		(*left)--;
		if (copy_entry(from, to, e->d_name, depth, left) < 0 && errno != EEXIST)
			return -1;
	}
	return 0;
}

static bool exists(int root, const char *path)
{
	_cleanup_error_ struct error ignored = ERROR_INIT;
	_cleanup_close_ int fd = resolve_open(root, path, O_PATH, &ignored);
	return fd >= 0;
}

int skeleton_make_home(int root, const char *home, const char *skel, mode_t mode, struct error *err)
{
	if (*home != '/' || exists(root, home))
		return 0;
	_cleanup_close_ int to = resolve_mkdirs(root, home, mode, err);
	if (to < 0)
		return -1;
	_cleanup_error_ struct error ignored = ERROR_INIT;
	_cleanup_close_ int from = resolve_open(root, skel, O_RDONLY | O_DIRECTORY, &ignored);
	unsigned left = MAX_ENTRIES;
	if (from >= 0 && copy_directory(from, to, 0, &left) < 0)
		return error_errno(err, "cannot fill %s in the root filesystem", home);
	return 0;
}
