#include "start/stop.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/str.h"
#include "start/record.h"

#define KILLED_MS 5000 /* what takes longer to die waits for something that does not come (NFS) */
#define TICK_MS   50   /* before Linux 5.3, which has no descriptors of processes */

struct member {
	pid_t pid;
	int fd; /* owned: of the process, or -1 */
	uint64_t mnt_ns;
};

struct members {
	struct member *items;
	size_t count, capacity;
};

static void members_cleanup(struct members *m)
{
	for (size_t i = 0; i < m->count; i++)
		cleanup_close(&m->items[i].fd);
	free(m->items);
	*m = (struct members){ 0 };
}

/* The namespace is asked for again when the process is held: before, the PID might have become another's. */
static void consider(struct members *m, pid_t pid, const uint64_t *namespaces, size_t count)
{
	uint64_t its = record_mount_namespace(pid);
	for (size_t i = 0; its != 0 && i < count; i++) {
		if (namespaces[i] != its)
			continue;
		_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);
		if (record_mount_namespace(pid) != its)
			return;
		grow_array(&m->items, &m->capacity, m->count + 1);
		m->items[m->count++] = (struct member){ .pid = pid, .fd = steal_fd(&fd), .mnt_ns = its };
		return;
	}
}

static int gather(struct members *m, const uint64_t *namespaces, size_t count, struct error *err)
{
	_cleanup_closedir_ DIR *d = opendir("/proc");
	if (d == NULL)
		return error_errno(err, "cannot read /proc");
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		uint64_t pid;
		if (str_parse_u64(e->d_name, &pid) && pid <= INT_MAX)
			consider(m, (pid_t)pid, namespaces, count);
	}
	return 0;
}

static void send_signal(const struct member *m, int signo)
{
	if (m->fd >= 0)
		(void)syscall(SYS_pidfd_send_signal, m->fd, signo, NULL, 0);
	else
		(void)kill(m->pid, signo);
}

/* Wait until one process has ended. false: it has not by END (CLOCK_MONOTONIC). */
static bool wait_for(const struct member *m, int64_t end)
{
	struct pollfd p = { .fd = m->fd, .events = POLLIN };
	do {
		int64_t left = MAX(end - clock_ms(), 0);
		int ready = poll(&p, 1, (int)(m->fd >= 0 ? left : MIN(left, TICK_MS)));
		if (ready > 0 || (m->fd < 0 && record_mount_namespace(m->pid) != m->mnt_ns))
			return true;
	} while (clock_ms() < end);
	return false;
}

static bool wait_for_all(const struct members *m, int64_t end)
{
	bool all = true;
	for (size_t i = 0; i < m->count; i++)
		all = wait_for(&m->items[i], end) && all;
	return all;
}

/* A stopped process acts on a signal only when it continues. */
static void send_to_all(const struct members *m, int signo)
{
	for (size_t i = 0; i < m->count; i++)
		send_signal(&m->items[i], signo);
	for (size_t i = 0; signo != SIGKILL && i < m->count; i++)
		send_signal(&m->items[i], SIGCONT);
}

int stop_namespaces(const uint64_t *namespaces, size_t count, unsigned timeout_s, struct error *err)
{
	int64_t deadline = clock_ms() + (int64_t)timeout_s * 1000, give_up = deadline + KILLED_MS;
	for (;;) { /* again for what was forked meanwhile */
		struct members m __attribute__((cleanup(members_cleanup))) = { 0 };
		if (gather(&m, namespaces, count, err) < 0)
			return -1;
		if (m.count == 0)
			return 0;
		bool is_late = clock_ms() >= deadline;
		send_to_all(&m, is_late ? SIGKILL : SIGTERM);
		if (!wait_for_all(&m, is_late ? give_up : deadline) && is_late)
			return error_set(err, ETIMEDOUT, "process %d does not end", m.items[0].pid);
	}
}
