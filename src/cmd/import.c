#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/paths.h"
#include "cmd/cmd.h"
#include "cmd/requests.h"
#include "cmd/usage.h"

static const char usage[] =
	"Usage: enroot import [options] [--] URI\n"
	"\n"
	"Import an image as one squashfs file.\n"
	"\n" USAGE_SOURCES "\n"
	" Options:\n"
	"   -a, --arch ARCH    Architecture of the image (default: this machine's)\n"
	"   -o, --output FILE  Name of the image file (default: IMAGE+TAG.sqsh)\n"
	"       --if-needed    Leave a file alone that holds this image already, else replace it; of many "
	"at\n"
	"                      once, on any hosts, one builds and the others share its result\n"
	"   -h, --help         Show this text\n"
	"\n"
	"Without --if-needed an existing file is never overwritten. Layers are kept in ENROOT_CACHE_PATH; "
	"credentials are\n"
	"looked up in $ENROOT_CONFIG_PATH/.credentials and where docker and podman keep theirs.\n"
	"ENROOT_SQUASH_OPTIONS takes the options of mksquashfs (default: -comp zstd -Xcompression-level "
	"1).\n";

/* The full path, as messages show it. */
static char *absolute_path(const char *path)
{
	if (*path == '/')
		return xstrdup(path);
	_cleanup_free_ char *cwd = getcwd(NULL, 0);
	return cwd != NULL ? path_join(cwd, path) : xstrdup(path);
}

static char *choose_output(const char *output, const char *uri, struct error *err)
{
	if (output != NULL)
		return absolute_path(output);
	_cleanup_free_ char *name = source_default_name(uri, err);
	if (name == NULL)
		return NULL;
	_cleanup_free_ char *file = xasprintf("%s.sqsh", name);
	return absolute_path(file);
}

static int import(const struct settings *s, const char *uri, const char *output, const char *arch,
	bool if_needed, struct error *err)
{
	_cleanup_free_ char *path = choose_output(output, uri, err);
	if (path == NULL)
		return -1;
	struct import_request req;
	if (request_import(s, uri, arch, &req, err) < 0)
		return -1;
	return if_needed ? image_import_needed(&req, path, err) : image_import(&req, path, err);
}

int cmd_import(struct settings *settings, int argc, char *argv[])
{
	const char *arch = NULL, *output = NULL;
	bool if_needed = false;
	const struct option_spec specs[] = {
		{ 'a', "arch", OPTION_STRING, &arch },
		{ 'o', "output", OPTION_STRING, &output },
		{ 0, "if-needed", OPTION_FLAG, &if_needed },
	};
	int first;
	int status = options_parse_or_usage(argc, argv, specs, ARRAY_SIZE(specs), usage, 1, 1, &first);
	if (status >= 0)
		return status;

	_cleanup_error_ struct error err = ERROR_INIT;
	if (import(settings, argv[first], output, arch, if_needed, &err) < 0) {
		log_failure(&err);
		return 1;
	}
	return 0;
}
