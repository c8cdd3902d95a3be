#include "doctor/attempt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error_pipe.h"
#include "base/memory.h"

#define TIMEOUT_MS 10000

int attempt(int (*fn)(void *arg, struct error *err), void *arg, struct error *err)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_errno(err, "cannot make a pipe");
	_cleanup_close_ int in = ends[0];
	_cleanup_close_ int out = ends[1];
	pid_t child = fork();
	if (child < 0)
		return error_errno(err, "cannot fork");
	if (child == 0) {
		struct error failure = ERROR_INIT;
		if (fn(arg, &failure) < 0 && failure.code == 0)
			error_set(&failure, EINVAL, "it failed");
		error_send(out, &failure);
		_exit(0);
	}
	close(steal_fd(&out));
	int result = error_receive(in, TIMEOUT_MS, err);
	if (result != 0) /* it may be stuck, or we were asked to end: nothing that it does counts any more */
		kill(child, SIGKILL);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	return result > 0 ? error_set(err, ECHILD, "the process that tried it died") : result;
}
