/*
 * fault-write.so - a library to preload: the Nth call that changes a file system fails
 *
 *	FAULT_AT=N        fail call N, counted from 1; 0: none
 *	FAULT_ERRNO=E     with this error number (ENOSPC)
 *	FAULT_LASTING=1   and all later ones of the kinds that need space
 *	FAULT_SIGNAL=S    instead of failing, send this signal to the process after call N
 *	FAULT_LOG=FILE    append a line for each call: its number and name
 *	FAULT_NFS=1       as on some network file systems: no flock, no POSIX locks, no O_TMPFILE, no RENAME_NOREPLACE
 *	FAULT_BOOT_ID=FILE  what /proc/sys/kernel/random/boot_id says is in there
 *
 * Writes are counted only where they are to regular files. Programs that are executed count anew.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define NEXT(type, name, ...)             \
	static type (*next)(__VA_ARGS__); \
	if (next == NULL)                 \
	*(void **)&next = dlsym(RTLD_NEXT, name)

static atomic_long calls;

static long number(const char *name, long fallback)
{
	const char *text = getenv(name);
	return text != NULL && *text != '\0' ? strtol(text, NULL, 10) : fallback;
}

static void note(long call, const char *name)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	const char *path = getenv("FAULT_LOG");
	if (path == NULL)
		return;
	pthread_mutex_lock(&lock);
	FILE *f = fopen(path, "ae");
	if (f != NULL) {
		fprintf(f, "%ld %s\n", call, name);
		fclose(f);
	}
	pthread_mutex_unlock(&lock);
}

/* Count a call; true: it fails, errno is set. *SIGNAL becomes what to send after it. */
static bool fails(const char *name, bool needs_space, int *signal)
{
	long at = number("FAULT_AT", 0), call = atomic_fetch_add(&calls, 1) + 1;
	note(call, name);
	*signal = call == at ? (int)number("FAULT_SIGNAL", 0) : 0;
	if (at == 0 || *signal != 0 || number("FAULT_SIGNAL", 0) != 0)
		return false;
	if (call != at && !(call > at && needs_space && number("FAULT_LASTING", 0) != 0))
		return false;
	errno = (int)number("FAULT_ERRNO", ENOSPC);
	return true;
}

static bool is_file(int fd)
{
	struct stat st;
	int code = errno;
	bool is = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	errno = code;
	return is;
}

#define WRAP(type, name, declared, passed, counted, needs_space)     \
	type name declared                                           \
	{                                                            \
		int signal = 0;                                      \
		static type(*next) declared;                         \
		if (next == NULL)                                    \
			*(void **)&next = dlsym(RTLD_NEXT, #name);   \
		if ((counted) && fails(#name, needs_space, &signal)) \
			return -1;                                   \
		type result = next passed;                           \
		if (signal != 0)                                     \
			kill(getpid(), signal);                      \
		return result;                                       \
	}

#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wredundant-decls"
#undef fallocate
#undef fallocate64
#undef pwrite
#undef pwrite64
#undef ftruncate
#undef ftruncate64

WRAP(ssize_t, write, (int fd, const void *buf, size_t n), (fd, buf, n), is_file(fd), true)
WRAP(ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n), is_file(fd), true)
WRAP(ssize_t, pwrite64, (int fd, const void *buf, size_t n, off64_t at), (fd, buf, n, at), is_file(fd), true)
WRAP(int, fallocate64, (int fd, int mode, off64_t at, off64_t n), (fd, mode, at, n), true, true)
WRAP(int, ftruncate64, (int fd, off64_t n), (fd, n), true, true)
WRAP(int, fsync, (int fd), (fd), true, true)
WRAP(int, fdatasync, (int fd), (fd), true, true)
WRAP(int, mkdir, (const char *path, mode_t mode), (path, mode), true, true)
WRAP(int, mkdirat, (int dir, const char *path, mode_t mode), (dir, path, mode), true, true)
WRAP(int, rename, (const char *a, const char *b), (a, b), true, true)
WRAP(int, renameat, (int d, const char *a, int e, const char *b), (d, a, e, b), true, true)
WRAP(int, link, (const char *a, const char *b), (a, b), true, true)
WRAP(int, linkat, (int d, const char *a, int e, const char *b, int flags), (d, a, e, b, flags), true, true)
WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode), true, false)
WRAP(ssize_t, copy_file_range, (int in, off64_t *i, int out, off64_t *o, size_t n, unsigned f),
	(in, i, out, o, n, f), true, true)

int renameat2(int d, const char *a, int e, const char *b, unsigned flags)
{
	NEXT(int, "renameat2", int, const char *, int, const char *, unsigned);
	int signal = 0;
	if (flags != 0 && number("FAULT_NFS", 0) != 0) {
		errno = EINVAL;
		return -1;
	}
	if (fails("renameat2", true, &signal))
		return -1;
	int result = next(d, a, e, b, flags);
	if (signal != 0)
		kill(getpid(), signal);
	return result;
}

static int open_counted(const char *name, int dir, const char *path, int flags, mode_t mode)
{
	int signal = 0;
	static int (*next)(int, const char *, int, ...);
	if (next == NULL)
		*(void **)&next = dlsym(RTLD_NEXT, "openat64");
	const char *boot = getenv("FAULT_BOOT_ID");
	if (boot != NULL && strcmp(path, "/proc/sys/kernel/random/boot_id") == 0)
		path = boot;
	if ((flags & O_TMPFILE) == O_TMPFILE && number("FAULT_NFS", 0) != 0) {
		errno = EOPNOTSUPP;
		return -1;
	}
	bool makes = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
	if (makes && fails(name, true, &signal))
		return -1;
	int fd = next(dir, path, flags, mode);
	if (signal != 0)
		kill(getpid(), signal);
	return fd;
}

int openat64(int dir, const char *path, int flags, ...)
{
	va_list args;
	va_start(args, flags);
	mode_t mode = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(args, mode_t) : 0;
	va_end(args);
	return open_counted("openat", dir, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	va_list args;
	va_start(args, flags);
	mode_t mode = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(args, mode_t) : 0;
	va_end(args);
	return open_counted("open", AT_FDCWD, path, flags, mode);
}

/* With _FORTIFY_SOURCE, where the flags are no constants. */
int __open64_2(const char *path, int flags)
{
	return open_counted("open", AT_FDCWD, path, flags, 0);
}

int __openat64_2(int dir, const char *path, int flags)
{
	return open_counted("openat", dir, path, flags, 0);
}

int flock(int fd, int operation)
{
	NEXT(int, "flock", int, int);
	if (number("FAULT_NFS", 0) != 0) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return next(fd, operation);
}

int fcntl64(int fd, int command, ...)
{
	NEXT(int, "fcntl64", int, int, ...);
	va_list args;
	va_start(args, command);
	void *arg = va_arg(args, void *);
	va_end(args);
	bool is_lock = command == F_SETLK || command == F_SETLKW || command == F_OFD_SETLK ||
		       command == F_OFD_SETLKW;
	if (is_lock && number("FAULT_NFS", 0) != 0) {
		errno = ENOLCK;
		return -1;
	}
	return next(fd, command, arg);
}
