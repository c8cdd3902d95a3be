#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/options.h"
#include "cmd/cmd.h"
#include "cmd/start-operand.h"

static const char usage[] =
	"Usage: enroot batch [options] [--] CONFIG [COMMAND] [ARG...]\n"
	"\n"
	"Start a container as a configuration script says, and run a command in it. Shorthand for\n"
	"\"enroot start --conf CONFIG\" where CONFIG names the root filesystem (a container or an image)\n"
	"and the settings:\n"
	"\n"
	"   #! /usr/bin/enroot batch\n"
	"   #ENROOT_ROOTFS=ubuntu\n"
	"   #ENROOT_REMAP_ROOT=yes\n"
	"   mounts() { echo \"/scratch /scratch\"; }\n"
	"\n"
	"Everything after CONFIG belongs to the command.\n"
	"\n"
	" Options:\n"
	"   -h, --help  Show this text\n";

static int batch(struct settings *settings, const char *config, char *command[], struct error *err)
{
	_cleanup_strv_ struct strv nothing = STRV_INIT;
	_cleanup_free_ char *conf = NULL;
	if (start_take_directives(settings, config, &conf, err) < 0)
		return -1;
	const char *rootfs = settings_foreign(settings, "ENROOT_ROOTFS");
	if (rootfs == NULL)
		return error_set(err, EINVAL, "Missing directive ENROOT_ROOTFS in %s", config);
	struct start_request req = {
		.settings = settings,
		.image = -1,
		.conf = conf,
		.env = &nothing,
		.mounts = &nothing,
		.command = command,
	};
	return start_operand(settings, rootfs, &req, err);
}

int cmd_batch(struct settings *settings, int argc, char *argv[])
{
	int first;
	int status = options_parse_or_usage(argc, argv, NULL, 0, usage, 1, -1, &first);
	if (status >= 0)
		return status;
	_cleanup_error_ struct error err = ERROR_INIT;
	if (batch(settings, argv[first], argv + first + 1, &err) < 0) {
		log_failure(&err);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
