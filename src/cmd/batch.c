#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/strv.h"
#include "cmd/cmd.h"
#include "cmd/directives.h"
#include "cmd/start-operand.h"
#include "cmd/start-uri.h"

static const char usage[] =
	"Usage: enroot batch [options] [--] CONFIG [COMMAND] [ARG...]\n"
	"\n"
	"Start a container as a configuration script says, and run a command in it. Shorthand for\n"
	"\"enroot start --conf CONFIG\" where CONFIG names the root filesystem (a container, an image or\n"
	"a URI) and the settings:\n"
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

/* The same as "start --conf CONF -- URI COMMAND…", which is what runs once the image is there. */
static int open_uri(
	const struct settings *settings, const char *uri, struct start_request *req, struct error *err)
{
	_cleanup_strv_ struct strv args = STRV_INIT;
	const char *const words[] = { "start", "--conf", req->conf, "--", uri };
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		strv_push(&args, words[i]);
	for (char *const *arg = req->command; *arg != NULL; arg++)
		strv_push(&args, *arg);
	req->image = start_uri_open(settings, args.items, ARRAY_SIZE(words) - 1, req->conf, false, err);
	return req->image < 0 ? -1 : 0;
}

static int batch(struct settings *settings, const char *config, char *command[], struct error *err)
{
	_cleanup_strv_ struct strv nothing = STRV_INIT;
	_cleanup_free_ char *conf = NULL;
	if (directives_take(settings, config, &conf, err) < 0)
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
	if (start_uri_is(settings, rootfs) && open_uri(settings, rootfs, &req, err) < 0)
		return -1;
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
