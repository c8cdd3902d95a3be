#include "base/interrupt.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>

static volatile sig_atomic_t received;

static void on_signal(int signo)
{
	received = signo;
}

void interrupt_install(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction sa = { .sa_handler = on_signal };
	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		struct sigaction old;
		/* nohup(1) and background jobs ignore some of these on purpose. */
		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(signals[i], &sa, NULL);
	}
	signal(SIGPIPE, SIG_IGN);
}

bool interrupt_requested(void)
{
	return received != 0;
}

int interrupt_check(struct error *err)
{
	if (received == 0)
		return 0;
	return error_set(err, EINTR, "interrupted by signal %d (%s)", (int)received, strsignal(received));
}

void interrupt_reraise(void)
{
	if (received == 0)
		return;
	signal(received, SIG_DFL);
	raise(received);
}
