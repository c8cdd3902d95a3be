#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "start/start.h"
#include "store/container.h"

static const char usage[] =
	"Usage: enroot start [options] [--] NAME|IMAGE [COMMAND] [ARG...]\n"
	"\n"
	"Start a container and invoke the command script within its root filesystem.\n"
	"Command and arguments are passed to the script as input parameters.\n"
	"\n"
	"In the absence of a command script and if a command was given, it will be executed directly.\n"
	"Otherwise, an interactive shell will be started within the container.\n"
	"\n"
	" Options:\n"
	"   -c, --conf CONFIG    Specify a configuration script to run before the container starts\n"
	"   -e, --env KEY[=VAL]  Export an environment variable inside the container\n"
	"       --rc SCRIPT      Override the command script inside the container\n"
	"   -r, --root           Ask to be remapped to root inside the container\n"
	"   -w, --rw             Make the container root filesystem writable\n"
	"       --overlay DIR    Start an image writable and keep the changes in a directory (implies --rw)\n"
	"   -m, --mount FSTAB    Perform a mount from the host inside the container (colon-separated)\n"
	"       --pid            Start the container in a new PID namespace\n"
	"       --net            Start the container in a new network namespace\n"
	"       --ipc            Start the container in a new IPC namespace\n"
	"       --uts            Start the container in a new UTS namespace\n"
	"   -h, --help           Show this text\n";

static const char squashfs_magic[4] = { 'h', 's', 'q', 's' };

enum operand { OPERAND_NAME, OPERAND_IMAGE, OPERAND_BAD_IMAGE };

/* A squashfs file is an image, whatever it is called; with a slash it can only be meant as a file. *IMAGE becomes
 * its descriptor. */
static enum operand classify(const char *operand, int *image)
{
	bool is_path = strchr(operand, '/') != NULL;
	struct stat st;
	if (stat(operand, &st) < 0 || !S_ISREG(st.st_mode))
		return OPERAND_NAME;
	char magic[sizeof(squashfs_magic)];
	_cleanup_close_ int fd = open(operand, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd >= 0 && read(fd, magic, sizeof(magic)) == (ssize_t)sizeof(magic) &&
		memcmp(magic, squashfs_magic, sizeof(magic)) == 0) {
		*image = steal_fd(&fd);
		return OPERAND_IMAGE;
	}
	return is_path ? OPERAND_BAD_IMAGE : OPERAND_NAME;
}

/* Images are written as X.sqsh here and as X+latest.sqsh by the established tool: either name finds the other. */
static char *find_other_name(const char *image)
{
	static const char plain[] = ".sqsh", tagged[] = "+latest.sqsh";
	_cleanup_free_ char *other = NULL;
	if (str_ends_with(image, tagged))
		other = xasprintf("%.*s%s", (int)(strlen(image) - strlen(tagged)), image, plain);
	else if (str_ends_with(image, plain))
		other = xasprintf("%.*s%s", (int)(strlen(image) - strlen(plain)), image, tagged);
	return other != NULL && access(other, F_OK) == 0 ? steal_pointer(&other) : NULL;
}

static char *find_container(const struct settings *settings, const char *name, struct error *err)
{
	const char *data = settings_get(settings, SETTING_DATA_PATH);
	struct stat st;
	if (data == NULL) {
		error_set(err, EINVAL, "ENROOT_DATA_PATH is not set");
		return NULL;
	}
	_cleanup_free_ char *path = NULL;
	if (str_eq(name, ".")) {
		path = xstrdup(data);
	} else if (strchr(name, '/') != NULL) { /* an image that is not there, or not a file */
		error_set(err, ENOENT, "No such file or directory: %s", name);
		return NULL;
	} else {
		if (container_name_check(name, err) < 0)
			return NULL;
		path = container_path(data, name);
	}
	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)) {
		error_set(err, ENOENT, "No such file or directory: %s", path);
		error_hint(err,
			"\"enroot list\" shows the containers, \"enroot create\" makes one from an image");
		return NULL;
	}
	return steal_pointer(&path);
}

/* The root filesystem that OPERAND names, owned by the caller; NULL with ERR. Of an image: its name, and *IMAGE
 * becomes its descriptor. */
static char *find_rootfs(const struct settings *settings, const char *operand, int *image, struct error *err)
{
	_cleanup_free_ char *other = NULL;
	if (access(operand, F_OK) < 0 && (other = find_other_name(operand)) != NULL) {
		log_info("%s does not exist, using %s", operand, other);
		operand = other;
	}
	switch (classify(operand, image)) {
	case OPERAND_IMAGE:
		return xstrdup(operand);
	case OPERAND_BAD_IMAGE:
		error_set(err, EINVAL, "Invalid image format: %s", operand);
		return NULL;
	case OPERAND_NAME:
		break;
	}
	return find_container(settings, operand, err);
}

int cmd_start(struct settings *settings, int argc, char *argv[])
{
	static const enum setting flag_settings[] = { SETTING_REMAP_ROOT, SETTING_ROOTFS_WRITABLE,
		SETTING_UNSHARE_PID, SETTING_UNSHARE_NET, SETTING_UNSHARE_IPC, SETTING_UNSHARE_UTS };
	bool flags[ARRAY_SIZE(flag_settings)] = { false };
	_cleanup_strv_ struct strv env = STRV_INIT, mounts = STRV_INIT;
	struct start_request req = { .settings = settings, .image = -1, .env = &env, .mounts = &mounts };
	const struct option_spec specs[] = {
		{ 'c', "conf", OPTION_STRING, &req.conf },
		{ 'e', "env", OPTION_LIST, &env },
		{ 'm', "mount", OPTION_LIST, &mounts },
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
	for (unsigned i = 0; i < ARRAY_SIZE(flags); i++) { /* flags can only switch on */
		if (flags[i])
			settings_set(settings, flag_settings[i], "y");
	}

	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_close_ int image = -1;
	_cleanup_free_ char *rootfs = find_rootfs(settings, argv[operand], &image, &err);
	req.rootfs = rootfs;
	req.image = image;
	req.command = argv + operand + 1;
	if (req.overlay != NULL)
		settings_set(settings, SETTING_ROOTFS_WRITABLE, "y");
	bool failed = true;
	if (rootfs != NULL && req.overlay != NULL && image < 0) {
		error_set(&err, EINVAL, "--overlay is for images: %s is a container", argv[operand]);
		error_hint(&err, "start it with --rw to change it");
	} else if (rootfs != NULL) {
		failed = start_run(&req, &err) < 0;
	}
	if (failed) {
		log_failure(&err);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
