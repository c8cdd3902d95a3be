/* The part of doctor that talks to a network: run by enroot, for which it prints one or two lines. */
#include <stdio.h>

#include "base/log.h"
#include "base/options.h"
#include "cmd/cmd.h"
#include "cmd/requests.h"
#include "source/check.h"

static const char usage[] = "Usage: enroot-image doctor HOST[:PORT]\n"
			    "\n"
			    "See whether a registry answers; \"enroot doctor --registry HOST\" runs this.\n";

int cmd_doctor(struct settings *settings, int argc, char *argv[])
{
	int first;
	int status = options_parse_or_usage(argc, argv, NULL, 0, usage, 1, 1, &first);
	if (status >= 0)
		return status;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct source_options options;
	log_set_quiet(true);
	if (request_source_options(settings, NULL, &options, &err) == 0) {
		options.transfer_retries = 0;
		if (source_check(argv[first], &options, &err) == 0) {
			printf("OK %s answers\n", argv[first]);
			return 0;
		}
	}
	printf("KO %s\n", err.message);
	if (err.hint != NULL)
		printf("%s\n", err.hint);
	return 1;
}
