#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/options.h"
#include "cmd/cmd.h"
#include "cmd/directives.h"
#include "cmd/start-named.h"
#include "cmd/start-operand.h"
#include "cmd/start-uri.h"

static const char usage[] =
	"Usage: enroot start [options] [--] NAME|IMAGE|URI [COMMAND] [ARG...]\n"
	"\n"
	"Start a container and invoke the command script within its root filesystem.\n"
	"Command and arguments are passed to the script as input parameters.\n"
	"\n"
	"In the absence of a command script and if a command was given, it will be executed directly.\n"
	"Otherwise, an interactive shell will be started within the container.\n"
	"\n"
	"A URI is what import takes: the image is fetched once and kept in the cache (see enroot cache).\n"
	"\n"
	" Options:\n"
	"   -c, --conf CONFIG    Specify a configuration script to run before the container starts\n"
	"   -e, --env KEY[=VAL]  Export an environment variable inside the container\n"
	"       --rc SCRIPT      Override the command script inside the container\n"
	"   -r, --root           Ask to be remapped to root inside the container\n"
	"   -w, --rw             Make the container root filesystem writable\n"
	"       --overlay DIR    Start an image writable and keep the changes in a directory (implies --rw)\n"
	"       --device NAME    Make a device available: vendor/class=name of a CDI specification\n"
	"   -m, --mount FSTAB    Perform a mount from the host inside the container (colon-separated)\n"
	"       --offline        Of a URI, take what the cache has, without asking where it comes from\n"
	"       --pid            Start the container in a new PID namespace\n"
	"       --net            Start the container in a new network namespace\n"
	"       --ipc            Start the container in a new IPC namespace\n"
	"       --uts            Start the container in a new UTS namespace\n"
	"       --name NAME      Call it so for \"enroot exec\" and \"enroot stop\"\n"
	"       --detach         Start it in the background, print its PID, and write its output to a log\n"
	"                        (NAME is then the container's own unless given)\n"
	"   -h, --help           Show this text\n";

/* Besides those of the configuration. */
static void add_devices(struct settings *settings, const struct strv *devices)
{
	for (size_t i = 0; i < devices->count; i++) {
		const char *now = settings_get(settings, SETTING_DEVICES);
		_cleanup_free_ char *all = xasprintf(
			"%s%s%s", now != NULL ? now : "", now != NULL ? "," : "", devices->items[i]);
		settings_set(settings, SETTING_DEVICES, all);
	}
}

/* Of a URI: the image that enroot-image has opened (IMAGE), or what the cache has. */
static int open_uri(const struct settings *settings, char *argv[], int operand, const char *image,
	bool is_offline, struct start_request *req, struct error *err)
{
	if (image == NULL && !start_uri_is(settings, argv[operand]))
		return 0;
	req->image = image != NULL ? start_uri_take(image, err)
				   : start_uri_open(settings, argv, operand, req->conf, is_offline, err);
	return req->image < 0 ? -1 : 0;
}

int cmd_start(struct settings *settings, int argc, char *argv[])
{
	static const enum setting flag_settings[] = { SETTING_REMAP_ROOT, SETTING_ROOTFS_WRITABLE,
		SETTING_UNSHARE_PID, SETTING_UNSHARE_NET, SETTING_UNSHARE_IPC, SETTING_UNSHARE_UTS };
	bool flags[ARRAY_SIZE(flag_settings)] = { false };
	bool detach = false, offline = false;
	const char *name = NULL, *image = NULL;
	_cleanup_strv_ struct strv env = STRV_INIT, mounts = STRV_INIT, devices = STRV_INIT;
	struct start_request req = { .settings = settings, .image = -1, .env = &env, .mounts = &mounts };
	const struct option_spec specs[] = {
		{ 'c', "conf", OPTION_STRING, &req.conf },
		{ 0, "detach", OPTION_FLAG, &detach },
		{ 0, "device", OPTION_LIST, &devices },
		{ 'e', "env", OPTION_LIST, &env },
		{ 0, START_IMAGE_OPTION, OPTION_STRING, &image }, /* from enroot-image */
		{ 'm', "mount", OPTION_LIST, &mounts },
		{ 0, "name", OPTION_STRING, &name },
		{ 0, "offline", OPTION_FLAG, &offline },
		{ 0, "overlay", OPTION_STRING, &req.overlay },
		{ 0, "rc", OPTION_STRING, &req.rc },
		{ 'r', "root", OPTION_FLAG, &flags[0] },
		{ 'w', "rw", OPTION_FLAG, &flags[1] },
		{ 0, "pid", OPTION_FLAG, &flags[2] },
		{ 0, "net", OPTION_FLAG, &flags[3] },
		{ 0, "ipc", OPTION_FLAG, &flags[4] },
		{ 0, "uts", OPTION_FLAG, &flags[5] },
	};
	int operand;
	int status = options_parse_or_usage(argc, argv, specs, ARRAY_SIZE(specs), usage, 1, -1, &operand);
	if (status >= 0)
		return status;

	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_free_ char *conf = NULL;
	if (req.conf != NULL && directives_take(settings, req.conf, &conf, &err) < 0) {
		log_failure(&err);
		return EXIT_FAILURE;
	}
	if (conf != NULL)
		req.conf = conf;
	for (unsigned i = 0; i < ARRAY_SIZE(flags); i++) { /* flags can only switch on */
		if (flags[i])
			settings_set(settings, flag_settings[i], "y");
	}
	add_devices(settings, &devices);
	if (req.overlay != NULL)
		settings_set(settings, SETTING_ROOTFS_WRITABLE, "y");
	req.command = argv + operand + 1;
	if (open_uri(settings, argv, operand, image, offline, &req, &err) < 0 ||
		start_named(settings, argv[operand], name, detach, &req, &err) < 0) {
		log_failure(&err);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
