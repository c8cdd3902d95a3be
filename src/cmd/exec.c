#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/running.h"
#include "sandbox/environ.h"
#include "sandbox/nsenter.h"

extern char **environ;

static const char usage[] =
	"Usage: enroot exec [options] [--] PID|NAME COMMAND [ARG...]\n"
	"\n"
	"Execute a command inside an existing container.\n"
	"\n"
	"The container is given by the PID of one of its processes (\"enroot list -f\" shows them) or by\n"
	"its name (its own, or that of \"enroot start --name\"). The command gets the environment and the "
	"working directory of that process.\n"
	"\n"
	" Options:\n"
	"   -e, --env KEY[=VAL]  Export an environment variable inside the container\n"
	"   -h, --help           Show this text\n";

/* A number is a PID, unless there is no such process but a container of that name. */
static int open_target(
	const struct settings *settings, const char *word, struct nsenter *target, struct error *err)
{
	uint64_t number;
	bool is_number = str_parse_u64(word, &number) && number > 0 && number <= INT_MAX;
	if (is_number && nsenter_open(target, (pid_t)number, NSENTER_ALL, err) == 0)
		return 0;
	if (is_number && err->code != ESRCH)
		return -1;
	_cleanup_running_ struct running running = running_find(settings, word);
	pid_t pid = running.pid;
	if (pid == 0)
		return error_set(err, ESRCH, "Process not found: %s", word);
	error_clear(err);
	nsenter_cleanup(target);
	return nsenter_open(target, pid, NSENTER_ALL, err);
}

static int exec_in(struct nsenter *target, const struct strv *options, char *argv[], struct error *err)
{
	static char *nothing[] = { NULL };
	_cleanup_strv_ struct strv env = STRV_INIT;
	if (nsenter_shares_mounts(target)) {
		error_set(err, EINVAL, "Process not found: %d", target->pid);
		return error_hint(err, "that process is in no container");
	}
	if (nsenter_read_environment(target, &env, err) < 0)
		return -1;
	for (size_t i = 0; i < options->count; i++) {
		if (environ_add_option(&env, options->items[i], environ, err) < 0)
			return -1;
	}
	if (nsenter_join(target, err) < 0 || nsenter_drop_privileges(target, err) < 0)
		return -1;
	environ = env.items != NULL ? env.items : nothing; /* the PATH to search is the target's */
	execvp(argv[0], argv);
	return error_errno(err, "failed to execute: %s", argv[0]);
}

int cmd_exec(struct settings *settings, int argc, char *argv[])
{
	_cleanup_strv_ struct strv options = STRV_INIT;
	const struct option_spec specs[] = { { 'e', "env", OPTION_LIST, &options } };
	int first;
	int status = options_parse_or_usage(argc, argv, specs, ARRAY_SIZE(specs), usage, 2, -1, &first);
	if (status >= 0)
		return status;

	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_nsenter_ struct nsenter target = NSENTER_INIT;
	if (open_target(settings, argv[first], &target, &err) < 0 ||
		exec_in(&target, &options, argv + first + 1, &err) < 0)
		log_failure(&err);
	return 1;
}
