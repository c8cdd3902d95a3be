#include "sandbox/fuse/notice.h"

#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

void notice_write(int fd, const struct error *err)
{
	char line[1024];
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	if (fd < 0 || err->message == NULL || poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT))
		return;
	int n = snprintf(line, sizeof(line) - 1, "[WARN] %s", err->message);
	size_t len = MIN((size_t)MAX(n, 0), sizeof(line) - 2);
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	}
	line[len++] = '\n';
	if (write(fd, line, len) < 0)
		return; /* nobody is left to tell */
}

struct followed {
	int fd, pidfd;
};

static void *follow(void *arg)
{
	struct followed *f = arg;
	struct pollfd p = { .fd = f->pidfd, .events = POLLIN };
	while (poll(&p, 1, -1) <= 0)
		continue;
	close(f->fd); /* its number is not used again: the server opens nothing */
	return NULL;
}

void notice_follow(int fd, int pidfd)
{
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0 || (!S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode))) {
		if (pidfd >= 0)
			close(pidfd);
		return;
	}
	struct followed *f = xmalloc(sizeof(*f));
	*f = (struct followed){ .fd = fd, .pidfd = pidfd };
	pthread_attr_t attr;
	pthread_t thread;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, 64u * 1024);
	if (pidfd < 0 || pthread_create(&thread, &attr, follow, f) != 0) {
		close(fd);
		free(f);
	}
	pthread_attr_destroy(&attr);
}
