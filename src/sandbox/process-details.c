#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "sandbox/processes.h"

#define COMMAND_MAX_BYTES (1u << 20)

static char *read_file(pid_t pid, const char *name, size_t *len)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text;
	if (fd < 0 || fd_read_all(fd, COMMAND_MAX_BYTES, &text, len) < 0)
		return NULL;
	return text;
}

/* The command line with blanks between the words; kernel threads and zombies have none. */
static char *read_command(pid_t pid, const char *comm)
{
	size_t len = 0;
	_cleanup_free_ char *text = read_file(pid, "cmdline", &len);
	while (len > 0 && text[len - 1] == '\0')
		len--;
	if (len == 0)
		return xasprintf("[%s]", comm);
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\0')
			text[i] = ' ';
		else if (iscntrl((unsigned char)text[i]))
			text[i] = '?';
	}
	return steal_pointer(&text);
}

static bool has_locked_memory(pid_t pid)
{
	size_t len;
	_cleanup_free_ char *text = read_file(pid, "status", &len);
	const char *line = text != NULL ? strstr(text, "\nVmLck:") : NULL;
	unsigned long kb = 0;
	return line != NULL && sscanf(line, "\nVmLck: %lu", &kb) == 1 && kb > 0;
}

/* The fields of /proc/PID/stat that we need (proc(5)). */
struct stat_fields {
	char state;
	int pgrp, session, tpgid;
	long nice, threads;
	unsigned long long start; /* clock ticks after boot */
};

/* ps(1), "PROCESS STATE CODES" */
static void format_state(const struct stat_fields *f, pid_t pid, char state[8])
{
	char *p = state;
	*p++ = f->state;
	if (f->nice < 0)
		*p++ = '<';
	else if (f->nice > 0)
		*p++ = 'N';
	if (has_locked_memory(pid))
		*p++ = 'L';
	if (f->session == pid)
		*p++ = 's';
	if (f->threads > 1)
		*p++ = 'l';
	if (f->tpgid > 0 && f->tpgid == f->pgrp)
		*p++ = '+';
	*p = '\0';
}

static void set_times(struct process_details *d, unsigned long long start_ticks)
{
	struct timespec now, up;
	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &up);
	uint64_t start = start_ticks / (unsigned long)sysconf(_SC_CLK_TCK);
	d->elapsed = (uint64_t)up.tv_sec > start ? (uint64_t)up.tv_sec - start : 0;
	d->started = now.tv_sec - (time_t)d->elapsed;
}

bool process_details_read(pid_t pid, struct process_details *d)
{
	size_t len;
	_cleanup_free_ char *text = read_file(pid, "stat", &len);
	char *open = text != NULL ? strchr(text, '(') : NULL,
	     *close = text != NULL ? strrchr(text, ')') : NULL;
	if (open == NULL || close == NULL || close < open)
		return false;
	struct stat_fields f;
	if (sscanf(close + 1, " %c %*d %d %d %*d %d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %ld %ld %*d %llu",
		    &f.state, &f.pgrp, &f.session, &f.tpgid, &f.nice, &f.threads, &f.start) != 7)
		return false;
	*d = (struct process_details){ 0 };
	snprintf(d->comm, sizeof(d->comm), "%.*s", (int)(close - open - 1), open + 1);
	for (char *p = d->comm; *p != '\0'; p++) {
		if (iscntrl((unsigned char)*p))
			*p = '?';
	}
	format_state(&f, pid, d->state);
	set_times(d, f.start);
	d->command = read_command(pid, d->comm);
	return true;
}

void process_details_cleanup(struct process_details *d)
{
	free(d->command);
	d->command = NULL;
}
