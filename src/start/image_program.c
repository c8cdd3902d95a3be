/*
 * fuse-overlayfs, for kernels without an overlay for ordinary users.
 *
 * It needs the mounts below it, but must not be in the container's mount namespace, which it would keep alive. So
 * it gets a copy of that namespace, made before the container's root is mounted, and the device of a FUSE mount that
 * only the container has: when that is gone, the program ends, and the copy with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/paths.h"
#include "base/strv.h"
#include "start/image_private.h"

#define PROGRAM "fuse-overlayfs"

static char *find_program(void)
{
	const char *path = getenv("PATH");
	_cleanup_strv_ struct strv dirs = STRV_INIT;
	strv_split(&dirs, path != NULL ? path : "/usr/local/bin:/usr/bin:/bin", ':');
	for (size_t i = 0; i < dirs.count; i++) {
		_cleanup_free_ char *file = path_join(dirs.items[i], PROGRAM);
		if (file[0] == '/' && access(file, X_OK) == 0)
			return steal_pointer(&file);
	}
	return NULL;
}

bool fuse_overlay_exists(void)
{
	_cleanup_free_ char *program = find_program();
	return program != NULL;
}

/* In the grandchild. READY is closed as soon as the copy of the mount namespace stands. */
static void run_program(const char *program, const char *dir, int device, int ready)
{
	char mountpoint[32];
	sigset_t none;
	snprintf(mountpoint, sizeof(mountpoint), "/dev/fd/%d", device);
	/* By name, not by a descriptor, which would lead back to the first namespace. */
	if (unshare(CLONE_NEWNS) < 0 || chdir(dir) < 0)
		_exit(1);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; fd <= 2; fd++)
		dup2(null, fd);
	fcntl(device, F_SETFD, 0);
	if (write(ready, "", 1) != 1)
		_exit(1);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execl(program, PROGRAM, "-f", "-o", "lowerdir=" LOWER ",upperdir=" UPPER ",workdir=" WORK, mountpoint,
		(char *)NULL);
	_exit(1);
}

static int fork_program(const char *program, const char *dir, int device, struct error *err)
{
	int ends[2], status;
	char byte;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_errno(err, "failed to create a pipe");
	_cleanup_close_ int ours = ends[0];
	int theirs = ends[1];
	pid_t child = fork();
	if (child == 0) {
		setsid();
		if (fork() == 0)
			run_program(program, dir, device, theirs);
		_exit(0);
	}
	close(theirs);
	if (child < 0)
		return error_errno(err, "failed to run %s", program);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	if (read(ours, &byte, 1) != 1)
		return error_set(err, ECHILD, "failed to run %s", program);
	return 0;
}

int fuse_overlay_mount(const char *dir, int target, struct error *err)
{
	_cleanup_free_ char *program = find_program();
	char options[160], where[64];
	if (program == NULL)
		return error_set(err, ENOENT, "Command not found: " PROGRAM);
	_cleanup_close_ int device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (device < 0)
		return error_errno(err, "cannot open /dev/fuse");
	if (fork_program(program, dir, device, err) < 0)
		return -1;
	snprintf(options, sizeof(options),
		"fd=%d,rootmode=40000,user_id=%u,group_id=%u,default_permissions,allow_other", device,
		geteuid(), getegid());
	snprintf(where, sizeof(where), "/proc/self/fd/%d", target);
	if (mount(PROGRAM, where, "fuse." PROGRAM, MS_NOSUID | MS_NODEV, options) < 0)
		return error_errno(err, "failed to mount a FUSE file system");
	return 0;
}
