#include <errno.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/running.h"
#include "start/record.h"
#include "start/stop.h"
#include "store/container.h"

static const char usage[] = "Usage: enroot stop [options] [--] NAME|PID...\n"
			    "\n"
			    "End running containers: all that runs in them gets SIGTERM, and SIGKILL if it "
			    "is still there later.\n"
			    "\n"
			    "A container is given by the name of \"enroot start --name\", by its own, or by "
			    "the PID of one of its\n"
			    "processes.\n"
			    "\n"
			    " Options:\n"
			    "   -t, --time SECONDS  How much later (default: 10)\n"
			    "   -h, --help          Show this text\n";

#define DEFAULT_SECONDS 10
#define MAX_SECONDS     (365u * 86400)

static int stop_one(const struct settings *settings, const char *word, unsigned seconds, struct error *err)
{
	_cleanup_running_ struct running running = running_find(settings, word);
	_cleanup_error_ struct error ignored = ERROR_INIT;
	if (running.count == 0) {
		error_set(err, ESRCH, "Process not found: %s", word);
		return error_hint(err, "\"enroot list -f\" shows what is running");
	}
	if (stop_namespaces(running.namespaces, running.count, seconds, err) < 0)
		return error_prefix(err, "%s", word);
	if (container_name_check(word, &ignored) == 0)
		record_remove(settings, word);
	return 0;
}

int cmd_stop(struct settings *settings, int argc, char *argv[])
{
	const char *time = NULL;
	const struct option_spec specs[] = { { 't', "time", OPTION_STRING, &time } };
	int first;
	int status = options_parse_or_usage(argc, argv, specs, ARRAY_SIZE(specs), usage, 1, -1, &first);
	if (status >= 0)
		return status;
	_cleanup_error_ struct error err = ERROR_INIT;
	uint64_t seconds = DEFAULT_SECONDS;
	if (time != NULL && (!str_parse_u64(time, &seconds) || seconds > MAX_SECONDS)) {
		log_error("Invalid argument: %s", time);
		return 1;
	}
	for (int i = first; i < argc; i++) {
		if (stop_one(settings, argv[i], (unsigned)seconds, &err) < 0) {
			log_failure(&err);
			return 1;
		}
	}
	return 0;
}
