#include "start/detach.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error_pipe.h"
#include "base/memory.h"
#include "base/paths.h"

static int open_log(const char *path, struct error *err)
{
	_cleanup_free_ char *dir = path_dirname(path);
	if (path_make_dirs(dir, 0700, err) < 0)
		return -1;
	/* Appending: what the command starts shares the file, and may be outlived by it. */
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? error_errno(err, "cannot open the log %s", path) : fd;
}

static void leave(int log, int nothing)
{
	(void)setsid(); /* a child leads no group: it cannot fail */
	/* What the caller had open (the other end of a pipe, a terminal) must not stay open as long as the container. */
	(void)close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC); /* Linux 5.11 */
	dup2(nothing, STDIN_FILENO);
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
}

int detach_fork(struct detach *d, const char *log_path, struct error *err)
{
	_cleanup_close_ int log = open_log(log_path, err);
	if (log < 0)
		return -1;
	_cleanup_close_ int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (nothing < 0)
		return error_errno(err, "cannot open /dev/null");
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_errno(err, "cannot make a pipe");
	pid_t child = fork();
	if (child < 0) {
		error_errno(err, "cannot fork");
		close(ends[0]);
		close(ends[1]);
		return -1;
	}
	close(ends[child == 0 ? 0 : 1]);
	d->channel = ends[child == 0 ? 1 : 0];
	d->child = child;
	if (child == 0)
		leave(log, nothing);
	return child == 0 ? 0 : 1;
}

int detach_wait(struct detach *d, struct error *err)
{
	int result = error_receive(d->channel, -1, err);
	close(steal_fd(&d->channel));
	if (result < 0)
		while (waitpid(d->child, NULL, 0) < 0 && errno == EINTR)
			;
	return result < 0 ? -1 : 0;
}

void detach_fail(struct detach *d, const struct error *err)
{
	error_send(d->channel, err);
	_exit(EXIT_FAILURE);
}
