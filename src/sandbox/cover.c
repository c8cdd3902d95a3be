#include "sandbox/cover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "sandbox/mount.h"

#define UPPER        "upper"
#define WORK         "work"
#define MAX_TOP_DIRS 256

static int open_directory(int dir, const char *name)
{
	return openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/*
 * A directory that is in both layers has the owner and mode of the upper one. Without that the caller could not add
 * anything to another user's /etc, since a user namespace gives no power over ids that it does not map.
 */
static int copy_top_directories(int root, int upper)
{
	int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (dir == NULL)
		return -1;
	unsigned count = 0;
	for (struct dirent *e; (e = readdir(dir)) != NULL && count < MAX_TOP_DIRS;) {
		struct stat st;
		if (e->d_name[0] == '.' || (e->d_type != DT_DIR && e->d_type != DT_UNKNOWN) ||
			fstatat(root, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
			continue;
		/* One that we may not list would be no more than a name. */
		if (!fd_may_access(root, e->d_name, R_OK | X_OK))
			continue;
		count++;
		if (mkdirat(upper, e->d_name, 0700) < 0 ||
			fchmodat(upper, e->d_name, (st.st_mode & 07777) | 0700, 0) < 0)
			return -1;
	}
	return 0;
}

int cover_mount(int root, const char *path, int scratch, struct error *err)
{
	if (mkdirat(scratch, UPPER, 0755) < 0 || mkdirat(scratch, WORK, 0700) < 0)
		return error_errno(err, "cannot prepare an overlay");
	_cleanup_close_ int upper = open_directory(scratch, UPPER), work = open_directory(scratch, WORK);
	if (upper < 0 || work < 0 || fchmodat(scratch, UPPER, 0755, 0) < 0 ||
		copy_top_directories(root, upper) < 0)
		return error_errno(err, "cannot prepare an overlay");

	/* Descriptors, since paths may hold the commas and colons of the option's syntax. */
	char options[256];
	snprintf(options, sizeof(options),
		"lowerdir=/proc/self/fd/%d,upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/"
		"%d,userxattr,xino=off",
		root, upper, work);
	if (mount_filesystem(path, root, "overlay", MS_NOSUID | MS_NODEV, options, err) < 0) {
		error_prefix(
			err, "the root filesystem %s cannot be written, and an overlay is refused", path);
		return error_hint(err, "overlays for ordinary users need Linux 5.11 or later");
	}
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? error_errno(err, "cannot open %s", path) : fd;
}
