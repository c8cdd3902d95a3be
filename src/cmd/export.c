#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/paths.h"
#include "base/publish.h"
#include "base/space.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/origin-operand.h"
#include "cmd/requests.h"
#include "rootfs/scan.h"
#include "source/spool.h"

static const char usage[] =
	"Usage: enroot export [options] [--] NAME|IMAGE\n"
	"\n"
	"Create an image from a container root filesystem, or turn a squashfs image into another format.\n"
	"\n"
	" Options:\n"
	"   -o, --output FILE   Name of the image (default: NAME and the format's suffix; -: standard "
	"output)\n"
	"   -f, --force         Overwrite an existing file\n"
	"       --format F      squashfs (the default), oci-archive, oci (a directory), docker-archive\n"
	"       --compress C    Compression of the layer: gzip, zstd, none\n"
	"                       (default: gzip, of docker-archive: none)\n"
	"   -t, --tag TAG       Name in an OCI layout (default: latest), NAME:TAG in a docker-archive\n"
	"   -a, --arch ARCH     Architecture to record (default: the image's, else this machine's)\n"
	"   -q, --quiet         Print warnings and errors only\n"
	"   -h, --help          Show this text\n"
	"\n"
	"All files belong to root in the image. ENROOT_SQUASH_OPTIONS takes the options of mksquashfs.\n";

/* The formats by name; the first is the default. */
static const struct format {
	const char *name, *suffix;
	bool is_squashfs;
	enum export_format format;
	enum layer_compression compression;
} formats[] = {
	{ "squashfs", ".sqsh", true, 0, LAYER_PLAIN },
	{ "oci-archive", ".oci.tar", false, EXPORT_OCI_ARCHIVE, LAYER_GZIP },
	{ "oci", ".oci", false, EXPORT_OCI, LAYER_GZIP },
	{ "docker-archive", ".docker.tar", false, EXPORT_DOCKER_ARCHIVE, LAYER_PLAIN },
};

/* The command line. */
struct request {
	const struct settings *settings;
	const char *operand, *output, *format_name, *compress, *tag, *arch;
	const struct format *format;
	bool replace;
};

/* What the image is made of and with. */
struct export
{
	const char *rootfs; /* path */
	int dir;            /* its descriptor */
	struct sqfs_options options;
	uint32_t time; /* of the superblock */
};

static char *choose_output(const struct request *req, const char *name)
{
	_cleanup_free_ char *file =
		req->output != NULL ? xstrdup(req->output) : xasprintf("%s%s", name, req->format->suffix);
	_cleanup_free_ char *cwd = *file != '/' ? getcwd(NULL, 0) : NULL;
	return cwd != NULL ? path_join(cwd, file) : steal_pointer(&file);
}

static bool is_to_stdout(const struct request *req)
{
	return req->output != NULL && (str_eq(req->output, "-") || str_eq(req->output, "/dev/stdout"));
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
	struct progress progress;
	progress_begin_entries(&progress, "Packing", 0);
	struct tree *tree = scan_rootfs(e->dir, e->rootfs, writer, &progress, &left_out, err);
	progress_end(&progress);
	int r = -1;
	if (tree != NULL) {
		report(&left_out);
		r = sqfs_writer_finish(writer, tree, e->time, NULL, err);
		tree_free(tree);
	}
	sqfs_writer_free(writer);
	return r;
}

/* ---- where it goes ---- */

/* Writes the image to FD, an empty file; CTX is what it is made of. */
typedef int (*image_writer)(void *ctx, int fd, struct error *err);

static int to_file(
	const struct request *req, const char *path, image_writer write, void *ctx, struct error *err)
{
	_cleanup_publish_ struct publish p = PUBLISH_INIT;
	if (publish_begin(&p, path, 0666, req->replace, err) < 0)
		return -1;
	if (write(ctx, p.fd, err) < 0) {
		space_hint_beside(path, 0, NULL, err);
		return error_prefix(err, "%s", path);
	}
	if (interrupt_check(err) < 0 || publish_commit(&p, req->replace, err) < 0)
		return space_hint_beside(path, 0, NULL, err);
	return 0;
}

static int copy_to_stdout(int fd, struct error *err)
{
	const size_t size = (size_t)256 << 10;
	_cleanup_free_ char *buffer = xmalloc(size);
	ssize_t n;
	for (uint64_t at = 0; (n = fd_pread_full(fd, buffer, size, at)) > 0; at += (uint64_t)n) {
		if (interrupt_check(err) < 0)
			return -1;
		if (fd_write_full(STDOUT_FILENO, buffer, (size_t)n) < 0)
			return error_errno(err, "cannot write to the standard output");
	}
	return n < 0 ? error_errno(err, "cannot read a temporary file") : 0;
}

/* Sizes and names are known only at the end, so a stream begins once all is there. */
static int to_stdout(const struct request *req, image_writer write, void *ctx, struct error *err)
{
	if (isatty(STDOUT_FILENO))
		return error_set(
			err, EINVAL, "the standard output is a terminal: an image is not written to it");
	if (settings_need_directory(req->settings, SETTING_CACHE_PATH, err) < 0)
		return -1;
	const char *cache = settings_get(req->settings, SETTING_CACHE_PATH);
	_cleanup_close_ int fd = spool_open(cache, err);
	if (fd < 0)
		return -1;
	if (write(ctx, fd, err) < 0)
		return space_hint(cache, 0, "ENROOT_CACHE_PATH", err);
	return interrupt_check(err) < 0 ? -1 : copy_to_stdout(fd, err);
}

static int deliver(
	const struct request *req, const char *name, image_writer write, void *ctx, struct error *err)
{
	if (is_to_stdout(req))
		return to_stdout(req, write, ctx, err);
	_cleanup_free_ char *path = choose_output(req, name);
	return to_file(req, path, write, ctx, err);
}

/* ---- squashfs ---- */

static int write_squashfs(void *ctx, int fd, struct error *err)
{
	return write_image(ctx, fd, err);
}

static int export_squashfs(const struct request *req, struct error *err)
{
	struct export e = { 0 };
	_cleanup_free_ char *rootfs = NULL;
	if (req->compress != NULL || req->tag != NULL || req->arch != NULL) {
		error_set(err, EINVAL, "--compress, --tag and --arch are not for squashfs images");
		return error_hint(err, "choose another --format, or set ENROOT_SQUASH_OPTIONS");
	}
	_cleanup_close_ int dir = origin_open_container(req->settings, req->operand, &rootfs, err);
	if (dir < 0 && origin_operand_is_image(req->operand))
		error_hint(err, "%s is a squashfs image already: choose another --format", req->operand);
	if (dir < 0 || read_options(req->settings, &e, err) < 0)
		return -1;
	e.rootfs = rootfs;
	e.dir = dir;
	return deliver(req, req->operand, write_squashfs, &e, err);
}

/* ---- the others ---- */

#define DOCKER_NAME "abcdefghijklmnopqrstuvwxyz0123456789._-" /* of the last component */

/* What podman and Docker take as NAME:TAG; the caller owns it. NULL: NAME is none. */
static char *docker_name(const char *name)
{
	size_t len = strspn(name, DOCKER_NAME);
	return name[len] == '\0' && len != 0 ? xasprintf("%s:latest", name) : NULL;
}

static bool is_docker_tag(const char *tag)
{
	const char *name = path_last(tag);
	size_t len = strspn(name, DOCKER_NAME);
	return len != 0 && (name[len] == ':' || name[len] == '\0') && strchr(tag, '@') == NULL;
}

static int check_tag(const struct request *req, struct error *err)
{
	const char *tag = req->tag != NULL ? req->tag : "";
	size_t len = strspn(tag, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-+/:@");
	bool is_docker = req->format->format == EXPORT_DOCKER_ARCHIVE;
	if (req->tag == NULL || (len <= 383 && tag[len] == '\0' && (!is_docker || is_docker_tag(tag))))
		return 0;
	error_set(err, EINVAL, "Invalid argument: --tag=%s", tag);
	return is_docker ? error_hint(err, "what docker load takes is NAME:TAG, in small letters") : -1;
}

/* The name in the archive that --tag asks for; docker load takes no name without a tag. The caller owns it. */
static char *choose_tag(const struct request *req, const char *base)
{
	bool is_docker = req->format->format == EXPORT_DOCKER_ARCHIVE;
	if (req->tag == NULL)
		return is_docker ? docker_name(base) : xstrdup("latest");
	bool has_tag = strchr(path_last(req->tag), ':') != NULL;
	return is_docker && !has_tag ? xasprintf("%s:latest", req->tag) : xstrdup(req->tag);
}

struct archive {
	struct export_request request;
	const struct format *format;
};

static void report_digest(const struct format *f, const char *digest)
{
	if (f->format != EXPORT_DOCKER_ARCHIVE)
		log_info("Digest: %s", digest);
}

static int write_archive(void *ctx, int fd, struct error *err)
{
	const struct archive *a = ctx;
	char digest[LAYER_DIGEST_SIZE];
	if (export_archive(&a->request, a->format->format, fd, digest, err) < 0)
		return -1;
	report_digest(a->format, digest);
	return 0;
}

static int write_layout(
	const struct request *req, const struct archive *a, const char *name, struct error *err)
{
	char digest[LAYER_DIGEST_SIZE];
	if (is_to_stdout(req))
		return error_set(err, EINVAL, "an OCI layout is a directory: use --format oci-archive");
	_cleanup_free_ char *path = choose_output(req, name);
	if (export_layout(&a->request, path, req->replace, digest, err) < 0)
		return space_hint_beside(path, 0, NULL, err);
	report_digest(req->format, digest);
	return 0;
}

static int export_other(const struct request *req, struct error *err)
{
	_cleanup_origin_operand_ struct origin_operand o = ORIGIN_OPERAND_INIT;
	_cleanup_free_ char *name = NULL;
	struct export_options options;
	if (check_tag(req, err) < 0 ||
		origin_options(req->settings, req->compress, req->format->compression, req->arch, &options,
			err) < 0 ||
		origin_operand_open(req->settings, req->operand, &o, err) < 0)
		return -1;
	name = choose_tag(req, o.base);
	struct archive a = {
		.request = { .origin = &o.origin, .options = &options, .tag = name },
		.format = req->format,
	};
	if (req->format->format == EXPORT_OCI)
		return write_layout(req, &a, o.base, err);
	return deliver(req, o.base, write_archive, &a, err);
}

static int export(struct request *req, struct error *err)
{
	req->format = req->format_name == NULL ? &formats[0] : NULL;
	for (unsigned i = 0; req->format == NULL && i < ARRAY_SIZE(formats); i++)
		if (str_eq(req->format_name, formats[i].name))
			req->format = &formats[i];
	if (req->format == NULL) {
		error_set(err, EINVAL, "Invalid argument: --format=%s", req->format_name);
		return error_hint(err, "known are squashfs, oci-archive, oci and docker-archive");
	}
	return req->format->is_squashfs ? export_squashfs(req, err) : export_other(req, err);
}

int cmd_export(struct settings *settings, int argc, char *argv[])
{
	struct request req = { .settings = settings };
	bool is_quiet = false;
	const struct option_spec specs[] = {
		{ 'o', "output", OPTION_STRING, &req.output },
		{ 'f', "force", OPTION_FLAG, &req.replace },
		{ 0, "format", OPTION_STRING, &req.format_name },
		{ 0, "compress", OPTION_STRING, &req.compress },
		{ 't', "tag", OPTION_STRING, &req.tag },
		{ 'a', "arch", OPTION_STRING, &req.arch },
		{ 'q', "quiet", OPTION_FLAG, &is_quiet },
	};
	int first;
	int status = options_parse_or_usage(argc, argv, specs, ARRAY_SIZE(specs), usage, 1, 1, &first);
	if (status >= 0)
		return status;

	_cleanup_error_ struct error err = ERROR_INIT;
	log_set_quiet(is_quiet);
	req.operand = argv[first];
	req.replace |= settings_is_true(settings, SETTING_FORCE_OVERRIDE);
	if (export(&req, &err) < 0) {
		log_failure(&err);
		return 1;
	}
	return 0;
}
