#include "start/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/str.h"

#define RECORD_MAX 128
#define STAT_MAX   4096

bool record_parse(const char *text, pid_t *pid, uint64_t *started)
{
	int end = 0;
	if (sscanf(text, "%9d %19" SCNu64 "%n", pid, started, &end) != 2)
		return false;
	return *pid > 0 && str_eq(text + end, "\n");
}

/* Fields 4 and 22 of proc_pid_stat(5), counted from behind the name, in which everything may stand. */
bool record_parse_stat(const char *stat, pid_t *parent, uint64_t *started)
{
	char state;
	const char *rest = strrchr(stat, ')');
	if (rest == NULL || sscanf(rest,
				    ") %c %9d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
				    "%*s %*s %" SCNu64,
				    &state, parent, started) != 3)
		return false;
	return state != 'Z' && state != 'X'; /* nobody has waited for it yet */
}

static bool read_stat(pid_t pid, pid_t *parent, uint64_t *started)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	char *text;
	size_t len;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fd_read_all(fd, STAT_MAX, &text, &len) < 0)
		return false;
	bool good = record_parse_stat(text, parent, started);
	free(text);
	return good;
}

uint64_t record_mount_namespace(pid_t pid)
{
	char path[64];
	struct stat st;
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

static pid_t find_child(pid_t of)
{
	_cleanup_closedir_ DIR *d = opendir("/proc");
	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
		uint64_t pid, started;
		pid_t parent;
		if (str_parse_u64(e->d_name, &pid) && pid <= INT_MAX &&
			read_stat((pid_t)pid, &parent, &started) && parent == of)
			return (pid_t)pid;
	}
	return 0;
}

static bool is_in_container(pid_t pid)
{
	uint64_t theirs = record_mount_namespace(pid);
	return theirs != 0 && theirs != record_mount_namespace(getpid());
}

pid_t record_container_process(pid_t start)
{
	if (is_in_container(start))
		return start;
	pid_t child = find_child(start);
	return child != 0 && is_in_container(child) ? child : 0;
}

/* PATH of DIRECTORY/NAME below the runtime path; the caller owns it. */
static char *runtime_path(
	const struct settings *settings, const char *directory, const char *name, struct error *err)
{
	if (settings_need_directory(settings, SETTING_RUNTIME_PATH, err) < 0)
		return NULL;
	return xasprintf("%s/%s/%s", settings_get(settings, SETTING_RUNTIME_PATH), directory, name);
}

char *record_log_path(const struct settings *settings, const char *name, struct error *err)
{
	return runtime_path(settings, "log", name, err);
}

/* The process of a record, if it is still the one that wrote it. */
static pid_t living_process(int fd)
{
	char text[RECORD_MAX];
	pid_t pid, parent;
	uint64_t recorded, started;
	ssize_t n = fd_pread_full(fd, text, sizeof(text) - 1, 0);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	if (!record_parse(text, &pid, &recorded) || !read_stat(pid, &parent, &started) || started != recorded)
		return 0;
	return pid;
}

/* Locked, for some system calls only. One that was removed while we waited is not the record any more. */
static int open_record(const char *path, struct error *err)
{
	_cleanup_free_ char *dir = path_dirname(path);
	if (path_make_dirs(dir, 0700, err) < 0)
		return -1;
	for (;;) {
		struct stat st;
		_cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0 || flock(fd, LOCK_EX) < 0 || fstat(fd, &st) < 0)
			return error_errno(err, "cannot open %s", path);
		if (st.st_nlink > 0)
			return steal_fd(&fd);
	}
}

static int refuse(const char *name, pid_t pid, struct error *err)
{
	error_set(err, EBUSY, "%s is running already: PID %d", name, pid);
	return error_hint(err, "choose another --name, or run \"enroot stop %s\"", name);
}

static pid_t find_living(const struct settings *settings, const char *name)
{
	_cleanup_error_ struct error ignored = ERROR_INIT;
	_cleanup_free_ char *path = runtime_path(settings, "run", name, &ignored);
	_cleanup_close_ int fd = path == NULL ? -1 : open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? 0 : living_process(fd);
}

int record_check(const struct settings *settings, const char *name, struct error *err)
{
	pid_t pid = find_living(settings, name);
	return pid != 0 ? refuse(name, pid, err) : 0;
}

int record_write(const struct settings *settings, const char *name, struct error *err)
{
	_cleanup_free_ char *path = runtime_path(settings, "run", name, err);
	if (path == NULL)
		return -1;
	_cleanup_close_ int fd = open_record(path, err);
	if (fd < 0)
		return -1;
	pid_t pid = living_process(fd), parent;
	uint64_t started;
	char text[RECORD_MAX];
	if (pid != 0 && pid != getpid())
		return refuse(name, pid, err);
	if (!read_stat(getpid(), &parent, &started))
		return error_errno(err, "cannot read /proc/%d/stat", getpid());
	int len = snprintf(text, sizeof(text), "%d %" PRIu64 "\n", getpid(), started);
	if (ftruncate(fd, 0) < 0 || fd_pwrite_full(fd, text, (size_t)len, 0) < 0)
		return error_errno(err, "cannot write %s", path);
	return 0;
}

pid_t record_find(const struct settings *settings, const char *name)
{
	pid_t pid = find_living(settings, name);
	return pid != 0 ? record_container_process(pid) : 0;
}

void record_remove(const struct settings *settings, const char *name)
{
	_cleanup_error_ struct error ignored = ERROR_INIT;
	_cleanup_free_ char *path = runtime_path(settings, "run", name, &ignored);
	_cleanup_close_ int fd = path == NULL ? -1 : open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && flock(fd, LOCK_EX) == 0 && living_process(fd) == 0)
		(void)unlink(path);
}
