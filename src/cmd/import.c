#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/paths.h"
#include "cmd/cmd.h"
#include "cmd/json.h"
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
	"       --json         Print path, digest and size of the image, and whether it was built now, as "
	"JSON\n"
	"   -q, --quiet        Print warnings and errors only\n"
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

struct import {
	const struct settings *settings;
	const char *uri, *output, *arch;
	bool is_needed_only, is_json;
};

static void print_json(const char *path, const struct import_result *r)
{
	printf("{\"path\":");
	json_print_string(path);
	printf(",\"digest\":\"%s\",\"bytes\":%" PRIu64 ",\"built\":%s}\n", r->manifest_digest, r->bytes,
		r->is_built ? "true" : "false");
}

static int import(const struct import *i, struct error *err)
{
	_cleanup_free_ char *path = choose_output(i->output, i->uri, err);
	if (path == NULL)
		return -1;
	struct import_request req;
	if (request_import(i->settings, i->uri, i->arch, &req, err) < 0)
		return -1;
	_cleanup_import_result_ struct import_result result;
	int r = i->is_needed_only ? image_import_needed(&req, path, &result, err)
				  : image_import(&req, path, &result, err);
	if (r == 0 && i->is_json)
		print_json(path, &result);
	return r;
}

int cmd_import(struct settings *settings, int argc, char *argv[])
{
	struct import i = { .settings = settings };
	bool is_quiet = false;
	const struct option_spec specs[] = {
		{ 'a', "arch", OPTION_STRING, &i.arch },
		{ 'o', "output", OPTION_STRING, &i.output },
		{ 0, "if-needed", OPTION_FLAG, &i.is_needed_only },
		{ 0, "json", OPTION_FLAG, &i.is_json },
		{ 'q', "quiet", OPTION_FLAG, &is_quiet },
	};
	int first;
	int status = options_parse_or_usage(argc, argv, specs, ARRAY_SIZE(specs), usage, 1, 1, &first);
	if (status >= 0)
		return status;

	_cleanup_error_ struct error err = ERROR_INIT;
	log_set_quiet(is_quiet);
	i.uri = argv[first];
	if (import(&i, &err) < 0) {
		log_failure(&err);
		return 1;
	}
	return 0;
}
