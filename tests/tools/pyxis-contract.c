/*
 * tests/tools/pyxis-contract.c - does to `enroot start` what Slurm's container plugin does
 *
 *	pyxis-contract ENROOT NAME CONF
 *
 * fork; start the container with a command that stops itself; wait for that very child to stop; open its namespaces,
 * directory and environment; join them in another process; let the first one go on and end; look at what joined by
 * `enroot list -f` and `enroot exec`. Prints one line a step and exits with 1 at the first that fails.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *enroot, *name;

static void check(bool ok, const char *what)
{
	printf("%s: %s\n", what, ok ? "ok" : strerror(errno));
	fflush(stdout);
	if (!ok)
		exit(1);
}

/* Run enroot with ARGS as the plugin does: no stdin, stdout and stderr in one memfd. Returns the pid. */
static pid_t run(int log, const char *const args[])
{
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	int null = open("/dev/null", O_RDONLY);
	dup2(null, 0);
	dup2(log, 1);
	dup2(log, 2);
	close_range(3, ~0U, 0);
	execv(enroot, (char *const *)args);
	_exit(127);
}

static char *text_of(int log)
{
	static char text[1 << 16];
	ssize_t n = pread(log, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static int open_of(pid_t pid, const char *file)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static bool same_file(int fd, const char *path)
{
	struct stat a, b;
	return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_ino == b.st_ino;
}

/* The line of `list -f` that names our container: its PID. 0: none. */
static int listed_pid(void)
{
	int log = memfd_create("list", MFD_CLOEXEC), status = 0, pid = 0;
	waitpid(run(log, (const char *[]){ "enroot", "list", "-f", NULL }), &status, 0);
	char *line = strtok(text_of(log), "\n"); /* the header */
	while ((line = strtok(NULL, "\n")) != NULL) {
		char first[256];
		if (sscanf(line, "%255s %d", first, &pid) == 2 && strcmp(first, name) == 0)
			break;
		pid = 0;
	}
	close(log);
	return status == 0 ? pid : 0;
}

int main(int argc, char *argv[])
{
	if (argc != 4) {
		fprintf(stderr, "usage: pyxis-contract ENROOT NAME CONF\n");
		return 1;
	}
	enroot = argv[1];
	name = argv[2];
	int log = memfd_create("log", MFD_CLOEXEC), status;
	pid_t child = run(log, (const char *[]){ "enroot", "start", "--conf", argv[3], name, "sh", "-c",
				       "kill -STOP $$ ; exit 0", NULL });

	bool stopped = waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status);
	if (!stopped)
		printf("%s", text_of(log));
	check(stopped, "the child itself stops");

	int user = open_of(child, "ns/user"), mount = open_of(child, "ns/mnt"),
	    cgroup = open_of(child, "ns/cgroup");
	int cwd = open_of(child, "cwd"), environment = open_of(child, "environ");
	check(user >= 0 && mount >= 0 && cgroup >= 0, "its namespaces open");
	check(!same_file(user, "/proc/self/ns/user") && !same_file(mount, "/proc/self/ns/mnt"),
		"they are its own");
	check(cwd >= 0, "its directory opens");
	char env[1 << 16];
	ssize_t n = environment < 0 ? -1 : read(environment, env, sizeof(env));
	check(n > 0 && memmem(env, (size_t)n, "PATH=", 5) != NULL, "its environment holds PATH");
	check(listed_pid() == child, "list -f shows it");

	int ready[2];
	check(pipe(ready) == 0, "pipe");
	pid_t task = fork();
	if (task == 0) {
		bool ok = setns(user, CLONE_NEWUSER) == 0 && setns(mount, CLONE_NEWNS) == 0 &&
			  setns(cgroup, CLONE_NEWCGROUP) == 0 && fchdir(cwd) == 0;
		if (!ok || write(ready[1], "y", 1) != 1)
			_exit(1);
		close(ready[1]);
		execl("/bin/sh", "sh", "-c", "exec sleep 30", NULL);
		_exit(127);
	}
	close(ready[1]);
	char byte;
	check(read(ready[0], &byte, 1) == 1, "a task joins");

	kill(child, SIGCONT);
	check(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0,
		"the child goes on and ends with 0");
	check(listed_pid() == task, "list -f shows the task that joined");

	char pid[16];
	snprintf(pid, sizeof(pid), "%d", (int)task);
	int out = memfd_create("exec", MFD_CLOEXEC);
	waitpid(run(out, (const char *[]){ "enroot", "exec", pid, "sh", "-c",
				 "echo in; readlink /proc/self/ns/mnt", NULL }),
		&status, 0);
	if (status != 0)
		printf("%s", text_of(out));
	check(status == 0 && strncmp(text_of(out), "in\n", 3) == 0, "exec joins the task");
	kill(task, SIGKILL);
	waitpid(task, &status, 0);
	check(listed_pid() == 0, "nothing runs any more");
	return 0;
}
