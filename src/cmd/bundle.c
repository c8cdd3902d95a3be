#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/paths.h"
#include "base/str.h"
#include "build-config.h"
#include "bundle/make.h"
#include "cmd/cmd.h"
#include "cmd/requests.h"

static const char usage[] =
	"Usage: enroot bundle [options] [--] IMAGE\n"
	"\n"
	"Create a file that runs by itself from a container image.\n"
	"\n"
	" Options:\n"
	"   -a, --all            Include the user's configuration, too\n"
	"   -c, --checksum       Embed a checksum, which every run verifies\n"
	"   -d, --desc TEXT      A description of the bundle\n"
	"   -o, --output BUNDLE  Name of the bundle (default: IMAGE.run)\n"
	"   -t, --target DIR     Where --keep and --extract put the root filesystem (default: $PWD/BUNDLE)\n"
	"   -f, --force          Overwrite an existing bundle\n"
	"   -h, --help           Show this text\n";

#define IMAGE_SUFFIX ".sqsh"

/* The program enroot: beside this one, where both are installed, or where the build says. */
static char *find_runtime(void)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *const places[] = { "enroot", "../enroot", "../../bin/enroot" };
	char *slash = NULL;
	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
	}
	for (unsigned i = 0; slash != NULL && i < ARRAY_SIZE(places); i++) {
		_cleanup_free_ char *path = xasprintf("%.*s/%s", (int)(slash - self), self, places[i]);
		struct stat st;
		if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0)
			return steal_pointer(&path);
	}
	return xstrdup(ENROOT_PROGRAM);
}

static char *choose_output(const char *given, const char *image)
{
	_cleanup_free_ char *base = path_basename(image);
	_cleanup_free_ char *file = NULL;
	if (given != NULL)
		file = xstrdup(given);
	else if (str_ends_with(base, IMAGE_SUFFIX))
		file = xasprintf("%.*s.run", (int)(strlen(base) - strlen(IMAGE_SUFFIX)), base);
	else
		file = xasprintf("%s.run", base);
	_cleanup_free_ char *cwd = *file != '/' ? getcwd(NULL, 0) : NULL;
	return cwd != NULL ? path_join(cwd, file) : steal_pointer(&file);
}

/* One line each in the bundle, and on the terminal of whoever asks for it. */
static int check_text(const char *text, struct error *err)
{
	for (const char *c = text; c != NULL && *c != '\0'; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return error_set(err, EINVAL, "Invalid argument: %s", text);
	}
	return 0;
}

/* Paths are this host's, and the version is the runtime's. */
static void collect_settings(const struct settings *s, struct strv *chosen)
{
	_cleanup_strv_ struct strv all = STRV_INIT;
	settings_export(s, &all);
	for (size_t i = 0; i < all.count; i++) {
		const char *line = all.items[i], *equal = strchr(line, '=');
		size_t key = equal != NULL ? (size_t)(equal - line) : 0;
		if (!str_starts_with(line, "ENROOT_") || str_starts_with(line, "ENROOT_VERSION="))
			continue;
		if (key >= 5 && strncmp(equal - 5, "_PATH", 5) == 0)
			continue;
		strv_push(chosen, line);
	}
}

int cmd_bundle(struct settings *settings, int argc, char *argv[])
{
	_cleanup_strv_ struct strv chosen = STRV_INIT;
	struct bundle_request req = { .settings = &chosen };
	const char *output = NULL;
	bool all = false;
	const struct option_spec specs[] = {
		{ 'a', "all", OPTION_FLAG, &all },
		{ 'c', "checksum", OPTION_FLAG, &req.checksum },
		{ 'd', "desc", OPTION_STRING, &req.description },
		{ 'o', "output", OPTION_STRING, &output },
		{ 't', "target", OPTION_STRING, &req.target },
		{ 'f', "force", OPTION_FLAG, &req.replace },
	};
	int operand;
	int status = options_parse_or_usage(argc, argv, specs, ARRAY_SIZE(specs), usage, 1, 1, &operand);
	if (status >= 0)
		return status;

	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_free_ char *runtime = find_runtime(), *path = choose_output(output, argv[operand]);
	all |= settings_is_true(settings, SETTING_BUNDLE_ALL);
	req.checksum |= settings_is_true(settings, SETTING_BUNDLE_CHECKSUM);
	req.replace |= settings_is_true(settings, SETTING_FORCE_OVERRIDE);
	req.runtime = runtime;
	req.image = argv[operand];
	req.output = path;
	req.system_dir = settings_get(settings, SETTING_SYSCONF_PATH);
	req.library_dir = settings_get(settings, SETTING_LIBRARY_PATH);
	if (all) {
		req.user_dir = settings_get(settings, SETTING_CONFIG_PATH);
		collect_settings(settings, &chosen);
	}
	if (check_text(req.description, &err) < 0 || check_text(req.target, &err) < 0 ||
		request_epoch(&req.has_epoch, &req.epoch, &err) < 0 || bundle_make(&req, &err) < 0) {
		log_failure(&err);
		return 1;
	}
	return 0;
}
