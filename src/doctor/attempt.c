#include "doctor/attempt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"

#define TIMEOUT_MS 10000
#define REPLY_MAX  4096

/* The reply of a child: the code of the error (0: it worked), then message and hint, each with its NUL. */
static void reply(int fd, const struct error *err)
{
	char text[REPLY_MAX] = { 0 };
	int n = snprintf(text, sizeof(text) / 2, "%s", err->message != NULL ? err->message : "");
	size_t len = MIN((size_t)n, sizeof(text) / 2 - 1) + 1;
	n = snprintf(text + len, sizeof(text) / 2, "%s", err->hint != NULL ? err->hint : "");
	len += MIN((size_t)n, sizeof(text) / 2 - 1) + 1;
	if (fd_write_full(fd, &err->code, sizeof(err->code)) == 0)
		(void)fd_write_full(fd, text, len);
}

static int64_t now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* All that comes until the other end is closed. Returns the length, or -1 with ETIMEDOUT. */
static ssize_t receive(int fd, char *buf, size_t size)
{
	int64_t end = now_ms() + TIMEOUT_MS;
	size_t len = 0;
	while (len < size) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = end - now_ms();
		int ready = left > 0 ? poll(&p, 1, (int)left) : 0;
		if (ready == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		ssize_t n = ready > 0 ? read(fd, buf + len, size - len) : -1;
		if (n < 0 && errno != EINTR)
			return -1;
		if (n == 0)
			break;
		len += n > 0 ? (size_t)n : 0;
	}
	return (ssize_t)len;
}

static int take_reply(const char *buf, size_t len, struct error *err)
{
	int code;
	if (len < sizeof(code))
		return error_set(err, ECHILD, "the process that tried it died");
	memcpy(&code, buf, sizeof(code));
	if (code == 0)
		return 0;
	const char *message = buf + sizeof(code);
	size_t message_len = strnlen(message, len - sizeof(code));
	error_set(err, code, "%s", message);
	if (sizeof(code) + message_len + 1 < len && message[message_len + 1] != '\0')
		error_hint(err, "%s", message + message_len + 1);
	return -1;
}

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
		reply(out, &failure);
		_exit(0);
	}
	close(steal_fd(&out));
	char buf[sizeof(int) + REPLY_MAX + 1] = { 0 };
	ssize_t len = receive(in, buf, sizeof(buf) - 1);
	int code = errno;
	if (len < 0)
		kill(child, SIGKILL);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	if (len < 0)
		return error_set(err, code, "trying it failed: %s", strerror(code));
	return take_reply(buf, (size_t)len, err);
}
