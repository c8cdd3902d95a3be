#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/interrupt.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/paths.h"
#include "base/publish.h"
#include "cmd/cmd.h"
#include "cmd/requests.h"
#include "rootfs/scan.h"
#include "store/container.h"

static const char usage[] =
	"Usage: enroot export [options] [--] NAME\n"
	"\n"
	"Create a squashfs image from a container root filesystem.\n"
	"\n"
	" Options:\n"
	"   -o, --output FILE  Name of the image file (default: NAME.sqsh)\n"
	"   -f, --force        Overwrite an existing file\n"
	"   -h, --help         Show this text\n"
	"\n"
	"All files belong to root in the image. ENROOT_SQUASH_OPTIONS takes the options of mksquashfs.\n";

/* What the image is made of and with. */
struct export
{
	const char *rootfs; /* path */
	int dir;            /* its descriptor */
	struct sqfs_options options;
	uint32_t time; /* of the superblock */
};

static char *choose_output(const char *output, const char *name)
{
	_cleanup_free_ char *file = output != NULL ? xstrdup(output) : xasprintf("%s.sqsh", name);
	_cleanup_free_ char *cwd = *file != '/' ? getcwd(NULL, 0) : NULL;
	return cwd != NULL ? path_join(cwd, file) : steal_pointer(&file);
}

static int read_options(const struct settings *s, struct export *e, struct error *err)
{
	bool has_epoch;
	uint32_t epoch;
	if (request_squashfs_options(s, &e->options, err) < 0 || request_epoch(&has_epoch, &epoch, err) < 0)
		return -1;
	e->time = e->options.has_all_time ? e->options.all_time : has_epoch ? epoch : 0;
	return 0;
}

static void report(const struct scan_report *r)
{
	if (r->special != 0)
		log_info("%" PRIu64 " device files and sockets were left out", r->special);
	if (r->mounts != 0)
		log_warn(
			"%" PRIu64 " files or directories were left out because they are mounted", r->mounts);
}

static int write_image(const struct export *e, int fd, struct error *err)
{
	struct sqfs_writer *writer = sqfs_writer_new(fd, 0, &e->options, err);
	if (writer == NULL)
		return -1;
	struct scan_report left_out;
	log_info("Creating squashfs filesystem...");
	struct tree *tree = scan_rootfs(e->dir, e->rootfs, writer, &left_out, err);
	int r = -1;
	if (tree != NULL) {
		report(&left_out);
		r = sqfs_writer_finish(writer, tree, e->time, NULL, err);
		tree_free(tree);
	}
	sqfs_writer_free(writer);
	return r;
}

static int export(
	const struct settings *s, const char *name, const char *output, bool replace, struct error *err)
{
	_cleanup_publish_ struct publish p = PUBLISH_INIT;
	struct export e = { 0 };
	if (container_name_check(name, err) < 0 || settings_need_directory(s, SETTING_DATA_PATH, err) < 0 ||
		read_options(s, &e, err) < 0)
		return -1;
	_cleanup_free_ char *rootfs = container_path(settings_get(s, SETTING_DATA_PATH), name);
	_cleanup_close_ int dir = open(rootfs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 && (errno == ENOENT || errno == ENOTDIR))
		return error_set(err, ENOENT, "No such file or directory: %s", rootfs);
	if (dir < 0)
		return error_errno(err, "cannot open %s", rootfs);
	e.rootfs = rootfs;
	e.dir = dir;
	_cleanup_free_ char *path = choose_output(output, name);
	if (publish_begin(&p, path, 0666, replace, err) < 0)
		return -1;
	if (write_image(&e, p.fd, err) < 0)
		return error_prefix(err, "%s", path);
	return interrupt_check(err) < 0 ? -1 : publish_commit(&p, replace, err);
}

int cmd_export(struct settings *settings, int argc, char *argv[])
{
	const char *output = NULL;
	bool replace = false;
	const struct option_spec specs[] = {
		{ 'o', "output", OPTION_STRING, &output },
		{ 'f', "force", OPTION_FLAG, &replace },
	};
	int first;
	int status = options_parse_or_usage(argc, argv, specs, ARRAY_SIZE(specs), usage, 1, 1, &first);
	if (status >= 0)
		return status;

	_cleanup_error_ struct error err = ERROR_INIT;
	replace |= settings_is_true(settings, SETTING_FORCE_OVERRIDE);
	if (export(settings, argv[first], output, replace, &err) < 0) {
		log_failure(&err);
		return 1;
	}
	return 0;
}
