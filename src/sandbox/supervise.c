#include "sandbox/supervise.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"

static void end_by_signal(int signo)
{
	const struct rlimit no_core = { 0, 0 }; /* the child has left one if it should */
	sigset_t set;
	(void)setrlimit(RLIMIT_CORE, &no_core);
	signal(signo, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, signo);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(signo);
	_exit(128 + signo);
}

/* Follow what happened to the child; several changes may have come as one SIGCHLD. */
static void follow_child(pid_t child)
{
	int status;
	while (waitpid(child, &status, WNOHANG | WUNTRACED) > 0) {
		if (WIFEXITED(status))
			_exit(WEXITSTATUS(status));
		if (WIFSIGNALED(status))
			end_by_signal(WTERMSIG(status));
		if (WIFSTOPPED(status)) {
			raise(SIGSTOP);
			kill(child, SIGCONT); /* whoever continued us means the container */
		}
	}
}

static void pass_on(pid_t child, const siginfo_t *info)
{
	switch (info->si_signo) {
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU: /* the first process of a PID namespace ignores these */
		kill(child, SIGSTOP);
		break;
	default:
		/* What the terminal sends, it has sent to the container as well: it is in our process group. */
		if (info->si_code != SI_KERNEL)
			kill(child, info->si_signo);
	}
}

static void supervise(pid_t child, const sigset_t *signals)
{
	for (;;) {
		siginfo_t info;
		if (sigwaitinfo(signals, &info) < 0)
			continue;
		if (info.si_signo == SIGCHLD)
			follow_child(child);
		else
			pass_on(child, &info);
	}
}

int supervise_fork(int release, struct error *err)
{
	sigset_t all, before;
	sigfillset(&all);
	/* Blocked before the fork: what arrives early waits until there is someone to pass it on to. */
	if (sigprocmask(SIG_BLOCK, &all, &before) < 0)
		return error_errno(err, "failed to block signals");

	_cleanup_close_ int parent = (int)syscall(SYS_pidfd_open, getpid(), 0); /* -1 before Linux 5.3 */
	pid_t child = fork();
	if (child < 0) {
		error_errno(err, "failed to fork into the PID namespace");
		sigprocmask(SIG_SETMASK, &before, NULL);
		return -1;
	}
	if (child > 0) {
		if (release > 0)
			close(release);
		supervise(child, &all);
	}

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	struct pollfd died = { .fd = parent, .events = POLLIN };
	if (parent >= 0 && poll(&died, 1, 0) > 0) /* before that took effect */
		_exit(EXIT_FAILURE);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return 0;
}
