#include "image/load.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/options.h"
#include "cmd/cmd.h"
#include "cmd/extraction.h"
#include "cmd/requests.h"
#include "cmd/usage.h"
#include "rootfs/remove.h"

static const char usage[] = "Usage: enroot load [options] [--] URI\n"
			    "\n"
			    "Load an image as a container root filesystem, without an image file.\n"
			    "\n" USAGE_SOURCES "\n"
			    " Options:\n"
			    "   -a, --arch ARCH  Architecture of the image (default: this machine's)\n"
			    "   -n, --name NAME  Name of the container (default: IMAGE+TAG)\n"
			    "   -f, --force      Replace an existing container\n"
			    "   -q, --quiet      Print warnings and errors only\n"
			    "   -h, --help       Show this text\n"
			    "\n"
			    "setuid and setgid bits and file capabilities are removed. The container appears "
			    "in ENROOT_DATA_PATH\n"
			    "once it is complete.\n";

struct load {
	const struct settings *settings;
	const char *uri, *arch, *name, *data_path;
	bool replace;
};

static int make_container(const struct load *l, const struct import_request *req, struct error *err)
{
	_cleanup_container_scratch_ struct container_scratch scratch = CONTAINER_SCRATCH_INIT;
	struct extract_report left_out;
	if (container_scratch_begin(&scratch, l->data_path, remove_for_scratch, err) < 0)
		return -1;
	_cleanup_close_ int tree = image_load(req, &scratch, &left_out, err);
	if (tree < 0 || extraction_finish(l->settings, tree, scratch.path, &left_out, err) < 0 ||
		interrupt_check(err) < 0)
		return -1;
	return container_scratch_publish(&scratch, l->data_path, l->name, l->replace, err);
}

static int load(struct load *l, struct error *err)
{
	_cleanup_free_ char *default_name = l->name == NULL ? source_default_name(l->uri, err) : NULL;
	if (l->name == NULL)
		l->name = default_name;
	if (l->name == NULL || container_name_check(l->name, err) < 0 ||
		settings_need_directory(l->settings, SETTING_DATA_PATH, err) < 0)
		return -1;
	l->data_path = settings_get(l->settings, SETTING_DATA_PATH);
	struct import_request req;
	if (extraction_check_name(l->data_path, l->name, l->replace, err) < 0 ||
		request_import(l->settings, l->uri, l->arch, &req, err) < 0)
		return -1;
	return make_container(l, &req, err);
}

int cmd_load(struct settings *settings, int argc, char *argv[])
{
	struct load l = { .settings = settings };
	bool is_quiet = false;
	const struct option_spec specs[] = {
		{ 'a', "arch", OPTION_STRING, &l.arch },
		{ 'n', "name", OPTION_STRING, &l.name },
		{ 'f', "force", OPTION_FLAG, &l.replace },
		{ 'q', "quiet", OPTION_FLAG, &is_quiet },
	};
	int first;
	int status = options_parse_or_usage(argc, argv, specs, ARRAY_SIZE(specs), usage, 1, 1, &first);
	if (status >= 0)
		return status;

	_cleanup_error_ struct error err = ERROR_INIT;
	log_set_quiet(is_quiet);
	l.uri = argv[first];
	l.replace |= settings_is_true(settings, SETTING_FORCE_OVERRIDE);
	if (load(&l, &err) < 0) {
		log_failure(&err);
		return 1;
	}
	return 0;
}
