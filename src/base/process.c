#include "base/process.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"

extern char **environ;

/* stdin of the child: a socket that already holds INPUT (it is small), or /dev/null. */
static int open_input(const char *input, struct error *err)
{
	if (input == NULL) {
		int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		return fd < 0 ? error_errno(err, "cannot open /dev/null") : fd;
	}
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return error_errno(err, "cannot make a socket pair");
	_cleanup_close_ int ours = pair[0];
	ssize_t n = send(ours, input, strlen(input), MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n != (ssize_t)strlen(input)) {
		close(pair[1]);
		return error_set(err, EMSGSIZE, "input of a helper program is too long");
	}
	return pair[1];
}

static int spawn_child(const struct process_request *req, int in, int out, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setpgroup(&attr, 0); /* so that what it starts can be killed with it */
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP);
	int r = posix_spawnp(pid, req->argv[0], &actions, &attr, (char *const *)req->argv,
		req->envp != NULL ? (char *const *)req->envp : environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return r;
}

static int collect(const struct process_request *req, int fd, char **output, size_t *len, struct error *err)
{
	_cleanup_free_ char *buf = NULL;
	size_t size = 0, capacity = 0;
	int64_t deadline = req->timeout_ms > 0 ? clock_ms() + req->timeout_ms : INT64_MAX;
	for (;;) {
		int64_t left = deadline - clock_ms();
		if (left <= 0)
			return error_set(err, ETIMEDOUT, "%s did not answer within %d ms", req->argv[0],
				req->timeout_ms);
		struct pollfd p = { .fd = fd, .events = POLLIN };
		if (poll(&p, 1, req->timeout_ms > 0 ? (int)left : -1) <= 0)
			continue;
		grow_array(&buf, &capacity, size + 4097);
		ssize_t n = read(fd, buf + size, 4096);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, "cannot read the output of %s", req->argv[0]);
		if (n == 0)
			break;
		size += (size_t)n;
		if (size > req->max_output)
			return error_set(
				err, EFBIG, "%s printed more than %zu bytes", req->argv[0], req->max_output);
	}
	grow_array(&buf, &capacity, size + 1);
	buf[size] = '\0';
	*output = steal_pointer(&buf);
	if (len != NULL)
		*len = size;
	return 0;
}

int process_capture(const struct process_request *req, char **output, size_t *len, struct error *err)
{
	_cleanup_close_ int in = open_input(req->input, err);
	if (in < 0)
		return -1;
	int out[2];
	if (pipe2(out, O_CLOEXEC) < 0)
		return error_errno(err, "cannot make a pipe");
	pid_t pid;
	int r = spawn_child(req, in, out[1], &pid);
	close(out[1]);
	if (r != 0) {
		close(out[0]);
		errno = r;
		return error_errno(err, "cannot run %s", req->argv[0]);
	}
	r = collect(req, out[0], output, len, err);
	close(out[0]);
	if (r < 0)
		kill(-pid, SIGKILL);
	int status;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r < 0)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
