#include "store/work_lock_owner.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/str.h"

#define FIELD_START_TIME 22 /* proc(5), /proc/pid/stat */
#define SMALL_FILE_MAX   4096

struct owner {
	char host[65], boot[64], space[64];
	int pid;
	uint64_t started; /* clock ticks since boot; 0: unknown */
};

static bool read_small(const char *path, char *text, size_t size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? fd_read_full(fd, text, size - 1) : -1;
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static uint64_t start_time(int pid)
{
	char path[64], text[SMALL_FILE_MAX];
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (!read_small(path, text, sizeof(text)))
		return 0;
	char *p = strrchr(text, ')'); /* the name before it may hold anything */
	for (int field = 2; p != NULL && field < FIELD_START_TIME; field++)
		p = strchr(p + 1, ' ');
	return p != NULL ? strtoull(p, NULL, 10) : 0;
}

static struct owner this_process(void)
{
	struct owner o = { .pid = getpid(), .host = "?", .boot = "?", .space = "?" };
	struct utsname names;
	if (uname(&names) == 0)
		snprintf(o.host, sizeof(o.host), "%.64s", names.nodename);
	if (read_small("/proc/sys/kernel/random/boot_id", o.boot, sizeof(o.boot)))
		o.boot[strcspn(o.boot, "\n")] = '\0';
	ssize_t n = readlink("/proc/self/ns/pid", o.space, sizeof(o.space) - 1);
	if (n > 0)
		o.space[n] = '\0';
	o.started = start_time(o.pid);
	return o;
}

char *work_lock_owner_text(void)
{
	struct owner o = this_process();
	return xasprintf("%s\n%s\n%s\n%d\n%" PRIu64 "\n", o.host, o.boot, o.space, o.pid, o.started);
}

static bool parse(const char *text, struct owner *o)
{
	return sscanf(text, "%64[^\n]\n%63[^\n]\n%63[^\n]\n%d\n%" SCNu64, o->host, o->boot, o->space, &o->pid,
		       &o->started) == 5 &&
	       o->pid > 0;
}

bool work_lock_owner_is_dead(const char *text)
{
	struct owner o, us = this_process();
	if (!parse(text, &o) || str_eq(us.boot, "?") || str_eq(us.space, "?"))
		return false;
	if (!str_eq(o.boot, us.boot) || !str_eq(o.space, us.space))
		return false;
	if (kill(o.pid, 0) < 0 && errno == ESRCH)
		return true;
	uint64_t now = start_time(o.pid); /* 0 where /proc hides it */
	return now != 0 && o.started != 0 && now != o.started;
}

char *work_lock_owner_name(const char *text)
{
	struct owner o;
	return parse(text, &o) ? xasprintf("pid %d on %s", o.pid, o.host) : xstrdup("another process");
}
