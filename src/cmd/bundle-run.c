/*
 * What a bundle does when it is run. Every usage error shows the usage and is no failure, as users of such files
 * know it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/paths.h"
#include "base/str.h"
#include "bundle/config.h"
#include "bundle/open.h"
#include "bundle/verify.h"
#include "cmd/bundle-run.h"
#include "cmd/directives.h"
#include "config/value.h"
#include "rootfs/extract.h"
#include "rootfs/remove.h"
#include "sandbox/scratch.h"
#include "start/start.h"
#include "store/container.h"

static const char usage_text[] =
	"Usage: %s [options] [--] [COMMAND] [ARG...]\n"
	"\n"
	" Options:\n"
	"   -i, --info           Show what this bundle is\n"
	"   -k, --keep           Keep the root filesystem in the target directory, and start it there\n"
	"   -q, --quiet          Print no messages but errors\n"
	"   -v, --verify         Show whether this host can run containers\n"
	"   -x, --extract        Extract the root filesystem to the target directory, and do not start it\n"
	"\n"
	"   -c, --conf CONFIG    Specify a configuration script to run before the container starts\n"
	"   -e, --env KEY[=VAL]  Export an environment variable inside the container\n"
	"       --rc SCRIPT      Override the command script inside the container\n"
	"   -r, --root           Ask to be remapped to root inside the container\n"
	"   -w, --rw             Make the container root filesystem writable\n"
	"   -m, --mount FSTAB    Perform a mount from the host inside the container (colon-separated)\n"
	"   -h, --help           Show this text\n";

#define RUN_SUFFIX   ".run"
#define CONFIG_PLACE "bundle" /* in the scratch directory */
#define KEPT_CONFIG  ".enroot"

struct run {
	struct bundle bundle;
	struct settings *settings;
	bool info, keep, quiet, verify, extract, root, writable;
	struct start_request start;
	struct strv env, mounts;
	char *conf;   /* owned: the canonical path of the conf script */
	char *target; /* owned: where a kept root filesystem goes */
};

static void usage(const char *argv0)
{
	_cleanup_free_ char *name = path_basename(argv0);
	printf(usage_text, name);
}

/* ---- the target directory ---- */

/* The text is for a shell, at the time of the run: '${HOME}/containers/x'. */
static int choose_target(struct run *r, struct error *err)
{
	_cleanup_free_ char *cwd = getcwd(NULL, 0);
	_cleanup_free_ char *file = NULL;
	if (r->bundle.target != NULL) {
		if (value_expand(r->bundle.target, NULL, &file) != VALUE_OK || *file == '\0')
			return error_set(err, EINVAL, "Invalid argument: %s", r->bundle.target);
	} else {
		_cleanup_free_ char *base = path_basename(r->bundle.path);
		size_t len = strlen(base) - (str_ends_with(base, RUN_SUFFIX) ? strlen(RUN_SUFFIX) : 0);
		file = xasprintf("%.*s", (int)len, base);
		if (len == strlen(base)) { /* it would be the bundle itself */
			free(file);
			file = xasprintf("%s.rootfs", base);
		}
	}
	r->target = *file == '/' || cwd == NULL ? steal_pointer(&file) : path_join(cwd, file);
	return 0;
}

static int place_runtime(const struct bundle *b, int config, struct error *err)
{
	(void)unlinkat(
		config, "bin/enroot-mount", 0); /* of a host's path; here it stands beside the program */
	_cleanup_close_ int fd =
		openat(config, "bin/enroot", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0755);
	if (fd < 0 || symlinkat("enroot", config, "bin/enroot-mount") < 0)
		return error_errno(err, "cannot place the runtime in the root filesystem");
	return bundle_copy_runtime(b, fd, err);
}

/* A kept tree carries runtime and configuration, as /.enroot. */
static int place_kept_config(const struct run *r, int tree, struct error *err)
{
	if (remove_tree(tree, KEPT_CONFIG, KEPT_CONFIG, true, err) < 0 ||
		bundle_place_config(&r->bundle, tree, KEPT_CONFIG, err) < 0)
		return -1;
	_cleanup_close_ int config =
		openat(tree, KEPT_CONFIG, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (config < 0)
		return error_errno(err, "cannot open /" KEPT_CONFIG " of the root filesystem");
	return place_runtime(&r->bundle, config, err);
}

static int fill_tree(const struct run *r, struct container_scratch *scratch, struct error *err)
{
	const struct extract_options options = { 0 };
	struct extract_report left_out;
	_cleanup_close_ int tree = container_scratch_make_tree(scratch, err);
	struct sqfs_image *image = tree >= 0 ? bundle_image(&r->bundle, extract_cache_bytes(0), err) : NULL;
	if (image == NULL)
		return -1;
	if (!r->extract)
		log_info("Extracting squashfs filesystem...");
	int result = extract_image(image, tree, &options, &left_out, err);
	sqfs_image_close(image);
	return result < 0 ? -1 : place_kept_config(r, tree, err);
}

static int extract_target(struct run *r, struct error *err)
{
	_cleanup_container_scratch_ struct container_scratch scratch = CONTAINER_SCRATCH_INIT;
	struct stat st;
	if (choose_target(r, err) < 0)
		return -1;
	if (lstat(r->target, &st) == 0)
		return error_set(err, EEXIST, "File already exists: %s", r->target);
	_cleanup_free_ char *name = path_basename(r->target);
	_cleanup_free_ char *parent = path_dirname(r->target);
	if (path_make_dirs(parent, 0755, err) < 0 ||
		container_scratch_begin(&scratch, parent, remove_for_scratch, err) < 0 ||
		fill_tree(r, &scratch, err) < 0)
		return -1;
	return container_scratch_publish(&scratch, parent, name, false, err);
}

/* ---- information ---- */

static void print_info(const struct run *r, const char *compression)
{
	const struct bundle *b = &r->bundle;
	_cleanup_free_ char *target = r->bundle.target != NULL ? xstrdup(r->bundle.target) : NULL;
	if (b->layout.flags & BUNDLE_HAS_CHECKSUM) {
		char hex[2 * sizeof(b->layout.sha256) + 1];
		str_hex(b->layout.sha256, sizeof(b->layout.sha256), hex);
		printf("Checksum: sha256:%s\n", hex);
	}
	printf("Compression: %s\n", compression);
	printf("Description: %s\n", b->description != NULL ? b->description : "none");
	printf("Runtime version: %s\n", b->version != NULL ? b->version : "unknown");
	printf("Target directory: %s\n", target != NULL ? target : r->target);
	printf("Uncompressed size: %" PRIu64 " KB\n", (b->bytes + 1023) / 1024);
}

static int show_info(struct run *r, struct error *err)
{
	if (choose_target(r, err) < 0)
		return -1;
	struct sqfs_image *image = bundle_image(&r->bundle, 0, err);
	if (image == NULL)
		return -1;
	const char *name = sqfs_compression_name(sqfs_image_info(image)->compression);
	print_info(r, name != NULL ? name : "unknown");
	sqfs_image_close(image);
	return 0;
}

/* ---- starting ---- */

/* Embedded settings override the caller's environment. */
static int load_settings(struct run *r, struct error *err)
{
	for (size_t i = 0; i < r->bundle.settings.count; i++) {
		const char *line = r->bundle.settings.items[i], *equal = strchr(line, '=');
		_cleanup_free_ char *key = xstrndup(line, (size_t)(equal - line));
		setenv(key, equal + 1, 1);
	}
	if (settings_load_environment(&r->settings, err) < 0)
		return -1;
	settings_make_directories(r->settings);
	_cleanup_error_ struct error nowhere = ERROR_INIT;
	if (settings_need_directory(r->settings, SETTING_RUNTIME_PATH, &nowhere) < 0)
		settings_set(r->settings, SETTING_RUNTIME_PATH, SCRATCH_ANYWHERE);
	if (r->start.conf != NULL) {
		if (directives_take(r->settings, r->start.conf, &r->conf, err) < 0)
			return -1;
		r->start.conf = r->conf;
	}
	if (r->root)
		settings_set(r->settings, SETTING_REMAP_ROOT, "y");
	if (r->writable)
		settings_set(r->settings, SETTING_ROOTFS_WRITABLE, "y");
	return 0;
}

/* The host's own configuration is not read: the places of it are those of the bundle's. */
static void use_config_at(struct run *r, const char *place)
{
	const struct {
		enum setting key;
		const char *name;
	} paths[] = {
		{ SETTING_SYSCONF_PATH, BUNDLE_ETC "/" BUNDLE_SYSTEM },
		{ SETTING_CONFIG_PATH, BUNDLE_ETC "/" BUNDLE_USER },
		{ SETTING_LIBRARY_PATH, BUNDLE_LIBRARY },
	};
	for (unsigned i = 0; i < ARRAY_SIZE(paths); i++) {
		_cleanup_free_ char *path = path_join(place, paths[i].name);
		settings_set(r->settings, paths[i].key, path);
	}
	const char *path = getenv("PATH");
	_cleanup_free_ char *longer =
		xasprintf("%s:%s/bin", path != NULL ? path : "/usr/local/bin:/usr/bin:/bin", place);
	setenv("PATH", longer, 1);
}

static int place_config(void *arg, int scratch, struct error *err)
{
	const struct run *r = arg;
	if (bundle_place_config(&r->bundle, scratch, CONFIG_PLACE, err) < 0)
		return -1;
	_cleanup_close_ int config = openat(scratch, CONFIG_PLACE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return config < 0 ? error_errno(err, "cannot open the configuration of the bundle")
			  : bundle_adapt_config(config, err);
}

static int start_bundle(struct run *r, struct error *err)
{
	const char *runtime = settings_get(r->settings, SETTING_RUNTIME_PATH);
	_cleanup_free_ char *place = path_join(runtime != NULL ? runtime : "/", CONFIG_PLACE);
	use_config_at(r, place);
	r->start.settings = r->settings;
	r->start.prepare = place_config;
	r->start.prepare_arg = r;
	r->start.env = &r->env;
	r->start.mounts = &r->mounts;
	if (r->keep) {
		r->start.rootfs = r->target;
		r->start.image = -1;
	} else {
		r->start.rootfs = r->bundle.path;
		r->start.image = r->bundle.fd;
		r->start.image_offset = r->bundle.layout.image_offset;
	}
	return start_run(&r->start, err);
}

/* Nothing is parsed before the checksum is verified. */
static int run(struct run *r, struct error *err)
{
	if (bundle_open(&r->bundle, err) < 0 || bundle_check(&r->bundle, err) < 0 ||
		bundle_load(&r->bundle, err) < 0)
		return -1;
	if (r->info)
		return show_info(r, err);
	if ((r->keep || r->extract) && extract_target(r, err) < 0)
		return -1;
	if (r->extract)
		return 0;
	return load_settings(r, err) < 0 ? -1 : start_bundle(r, err);
}

int bundle_main(int argc, char *argv[])
{
	struct run r = { .bundle = BUNDLE_INIT };
	const struct option_spec specs[] = {
		{ 'i', "info", OPTION_FLAG, &r.info },
		{ 'k', "keep", OPTION_FLAG, &r.keep },
		{ 'q', "quiet", OPTION_FLAG, &r.quiet },
		{ 'v', "verify", OPTION_FLAG, &r.verify },
		{ 'x', "extract", OPTION_FLAG, &r.extract },
		{ 'c', "conf", OPTION_STRING, &r.start.conf },
		{ 'e', "env", OPTION_LIST, &r.env },
		{ 'm', "mount", OPTION_LIST, &r.mounts },
		{ 0, "rc", OPTION_STRING, &r.start.rc },
		{ 'r', "root", OPTION_FLAG, &r.root },
		{ 'w', "rw", OPTION_FLAG, &r.writable },
	};
	int operand;
	if (options_parse(argc, argv, specs, ARRAY_SIZE(specs), &operand) != OPTIONS_OK) {
		usage(argv[0]);
		return EXIT_SUCCESS;
	}
	log_set_quiet(r.quiet);
	if (r.verify)
		return bundle_verify_host();

	_cleanup_error_ struct error err = ERROR_INIT;
	r.start.command = argv + operand;
	int result = run(&r, &err);
	if (result < 0)
		log_failure(&err);
	strv_cleanup(&r.env);
	strv_cleanup(&r.mounts);
	free(r.conf);
	free(r.target);
	if (r.settings != NULL)
		settings_free(r.settings);
	bundle_close(&r.bundle);
	return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
