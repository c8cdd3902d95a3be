#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/interrupt.h"
#include "base/memory.h"

static int may_retry(void)
{
	return errno == EINTR && !interrupt_requested();
}

int fd_write_full(int fd, const void *buf, size_t len)
{
	const char *p = buf;
	while (len > 0) {
		ssize_t n = write(fd, p, len);
		if (n < 0 && may_retry())
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int fd_pwrite_full(int fd, const void *buf, size_t len, uint64_t offset)
{
	const char *p = buf;
	while (len > 0) {
		ssize_t n = pwrite(fd, p, len, (off_t)offset);
		if (n < 0 && may_retry())
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

ssize_t fd_read_full(int fd, void *buf, size_t len)
{
	size_t done = 0;
	while (done < len) {
		ssize_t n = read(fd, (char *)buf + done, len - done);
		if (n < 0 && may_retry())
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

ssize_t fd_pread_full(int fd, void *buf, size_t len, uint64_t offset)
{
	size_t done = 0;
	while (done < len) {
		ssize_t n = pread(fd, (char *)buf + done, len - done, (off_t)(offset + done));
		if (n < 0 && may_retry())
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int fd_read_all(int fd, size_t max, char **data, size_t *len)
{
	_cleanup_free_ char *buf = NULL;
	size_t size = 0, capacity = 0;
	for (;;) {
		grow_array(&buf, &capacity, size + 4096);
		size_t room = capacity - size - 1;
		ssize_t n = fd_read_full(fd, buf + size, room);
		if (n < 0)
			return -1;
		size += (size_t)n;
		if (size > max) {
			errno = EFBIG;
			return -1;
		}
		if ((size_t)n < room)
			break;
	}
	buf[size] = '\0';
	*data = steal_pointer(&buf);
	if (len != NULL)
		*len = size;
	return 0;
}

void fd_ensure_standard(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		/* The lowest free number is FD itself. No O_CLOEXEC: the programs we become want them too. */
		if (open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY) != fd)
			return;
	}
}

bool fd_may_access(int dir, const char *name, int mode)
{
	return syscall(SYS_faccessat, dir, name, mode) == 0;
}

unsigned long fd_raise_limit(struct rlimit *old)
{
	*old = (struct rlimit){ 0 };
	if (getrlimit(RLIMIT_NOFILE, old) < 0)
		return 0;
	struct rlimit raised = { .rlim_cur = old->rlim_max, .rlim_max = old->rlim_max };
	return setrlimit(RLIMIT_NOFILE, &raised) < 0 ? old->rlim_cur : raised.rlim_cur;
}

void fd_restore_limit(const struct rlimit *old)
{
	if (old->rlim_max != 0)
		(void)setrlimit(RLIMIT_NOFILE, old);
}
