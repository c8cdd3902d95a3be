/*
 * tests/unit/rootfs/scratch.h - a folder to work in, and an ordinary user to be
 */
#pragma once

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"

#define ORDINARY_ID 65534

static char scratch[] = "/var/tmp/test-rootfs-XXXXXX";

static inline int enter_scratch(void **state)
{
	(void)state;
	umask(022);
	return mkdtemp(scratch) != NULL && chmod(scratch, 0777) == 0 ? chdir(scratch) : -1;
}

static inline int leave_scratch(void **state)
{
	(void)state;
	_cleanup_free_ char *command = xasprintf("chmod -R u+rwX '%s' && rm -rf '%s'", scratch, scratch);
	return chdir("/") == 0 ? system(command) : -1;
}

/* Run FN in a child that is no longer root; 0 if it returned 0. */
static inline int as_ordinary_user(int (*fn)(void))
{
	pid_t pid = fork();
	if (pid == 0) {
		if (geteuid() == 0 && (setresgid(ORDINARY_ID, ORDINARY_ID, ORDINARY_ID) < 0 ||
					      setresuid(ORDINARY_ID, ORDINARY_ID, ORDINARY_ID) < 0))
			_exit(99);
		_exit(fn());
	}
	int status;
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline void put_file(const char *path, const char *text, mode_t mode)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || fd_write_full(fd, text, strlen(text)) < 0 || fchmod(fd, mode) < 0)
		abort();
}

static inline int open_dir(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}
