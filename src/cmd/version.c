#include <stdio.h>

#include "base/options.h"
#include "build-config.h"
#include "cmd/cmd.h"

static const char usage[] = "Usage: enroot version\n"
			    "\n"
			    "Show the version of the program.\n"
			    "\n"
			    " Options:\n"
			    "   -h, --help  Show this text\n";

int cmd_version(struct settings *settings, int argc, char *argv[])
{
	(void)settings;
	int first;
	int status = options_parse_or_usage(argc, argv, NULL, 0, usage, 0, -1, &first);
	if (status < 0)
		puts(ENROOT_VERSION);
	return status < 0 ? 0 : status;
}
