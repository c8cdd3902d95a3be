#include "base/error_pipe.h"
#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"

#define TEXT_MAX 2048 /* the whole is less than PIPE_BUF: it is written at once */

/* An int, the code; then message and hint, each with its NUL. */
static size_t put_text(char *to, const char *text)
{
	size_t len = text != NULL ? strnlen(text, TEXT_MAX - 1) : 0;
	if (len > 0)
		memcpy(to, text, len);
	to[len] = '\0';
	return len + 1;
}

void error_send(int fd, const struct error *err)
{
	char buf[sizeof(int) + 2 * (size_t)TEXT_MAX];
	size_t len = sizeof(int);
	memcpy(buf, &err->code, sizeof(int));
	len += put_text(buf + len, err->message);
	len += put_text(buf + len, err->hint);
	(void)fd_write_full(fd, buf, len);
}

static int wait_until(int fd, int64_t end)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int64_t left = end < 0 ? -1 : MAX(end - clock_ms(), 0);
	int ready = poll(&p, 1, (int)left);
	if (ready == 0)
		errno = ETIMEDOUT;
	return ready == 0 || (ready < 0 && errno != EINTR) ? -1 : 0;
}

static ssize_t read_to_end(int fd, int timeout_ms, char *buf, size_t size)
{
	int64_t end = timeout_ms < 0 ? -1 : clock_ms() + timeout_ms;
	size_t len = 0;
	while (len < size) {
		if (wait_until(fd, end) < 0)
			return -1;
		ssize_t n = read(fd, buf + len, size - len);
		if (n < 0 && errno != EINTR)
			return -1;
		if (n == 0)
			break;
		len += n > 0 ? (size_t)n : 0;
	}
	return (ssize_t)len;
}

int error_receive(int fd, int timeout_ms, struct error *err)
{
	char buf[sizeof(int) + 2 * (size_t)TEXT_MAX + 2] = { 0 }; /* two NULs at the end, whatever comes */
	ssize_t len = read_to_end(fd, timeout_ms, buf, sizeof(buf) - 2);
	int code;
	if (len < 0)
		return error_errno(err, "no answer from a child process");
	if (len == 0)
		return 1;
	memcpy(&code, buf, sizeof(code));
	if (code == 0)
		return 0;
	const char *message = buf + sizeof(int), *hint = message + strlen(message) + 1;
	error_set(err, code, "%s", message);
	if (*hint != '\0')
		error_hint(err, "%s", hint);
	return -1;
}
