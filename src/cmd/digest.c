#include <stdio.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/options.h"
#include "cmd/cmd.h"
#include "cmd/requests.h"
#include "cmd/usage.h"

static const char usage[] =
	"Usage: enroot digest [options] [--] URI\n"
	"\n"
	"Print the digest of an image's manifest, as import would take it.\n"
	"\n" USAGE_SOURCES "\n"
	" Options:\n"
	"   -a, --arch ARCH  Architecture of the image (default: this machine's)\n"
	"       --json       Print it as JSON\n"
	"   -q, --quiet      Print warnings and errors only\n"
	"   -h, --help       Show this text\n"
	"\n"
	"Of an image for several platforms it is the digest of the one platform's manifest.\n";

static int print_digest(
	const struct settings *s, const char *uri, const char *arch, bool is_json, struct error *err)
{
	struct source_options options;
	_cleanup_free_ char *digest = NULL;
	if (request_source_options(s, arch, &options, err) < 0 ||
		source_digest(uri, &options, &digest, err) < 0)
		return -1;
	printf(is_json ? "{\"digest\":\"%s\"}\n" : "%s\n", digest);
	return 0;
}

int cmd_digest(struct settings *settings, int argc, char *argv[])
{
	const char *arch = NULL;
	bool is_json = false, is_quiet = false;
	const struct option_spec specs[] = {
		{ 'a', "arch", OPTION_STRING, &arch },
		{ 0, "json", OPTION_FLAG, &is_json },
		{ 'q', "quiet", OPTION_FLAG, &is_quiet },
	};
	int first;
	int status = options_parse_or_usage(argc, argv, specs, ARRAY_SIZE(specs), usage, 1, 1, &first);
	if (status >= 0)
		return status;

	_cleanup_error_ struct error err = ERROR_INIT;
	log_set_quiet(is_quiet);
	if (print_digest(settings, argv[first], arch, is_json, &err) < 0) {
		log_failure(&err);
		return 1;
	}
	return 0;
}
