#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/space.h"
#include "cmd/cmd.h"
#include "cmd/origin-operand.h"
#include "cmd/requests.h"
#include "export/documents.h"
#include "source/push.h"
#include "source/spool.h"

static const char usage[] =
	"Usage: enroot push [options] [--] NAME|IMAGE URI\n"
	"\n"
	"Put a container root filesystem or a squashfs image into a registry, as an image of one layer.\n"
	"\n"
	" URI:\n"
	"   docker://[USER@][REGISTRY#]IMAGE[:TAG]\n"
	"   docker://[USER@]REGISTRY/IMAGE[:TAG]\n"
	"\n"
	" Options:\n"
	"       --compress C  Compression of the layer: gzip (the default), zstd, none\n"
	"   -a, --arch ARCH   Architecture to record (default: the image's, else this machine's)\n"
	"       --json        Print the digest as JSON\n"
	"   -q, --quiet       Print warnings and errors only\n"
	"   -h, --help        Show this text\n"
	"\n"
	"Prints the digest of the image's manifest.\n";

static int make_image(const struct settings *s, const struct origin *origin,
	const struct export_options *options, int layer, struct export_image *image, struct error *err)
{
	if (export_image_make(origin, options, layer, image, err) == 0)
		return 0;
	return space_hint(settings_get(s, SETTING_CACHE_PATH), 0, "ENROOT_CACHE_PATH", err);
}

static int send_image(struct push *push, const struct export_image *image, int layer, struct error *err)
{
	_cleanup_close_ int config = memfd_create("config", MFD_CLOEXEC);
	if (config < 0 || fd_write_full(config, image->config.data, image->config.len) < 0)
		return error_errno(err, "cannot keep the configuration of the image");
	const struct push_image sent = {
		.layer = { .digest = image->layer.digest, .size = image->layer.bytes, .fd = layer },
		.config = { .digest = image->config_digest, .size = image->config.len, .fd = config },
		.manifest = image->manifest.data,
		.manifest_len = image->manifest.len,
		.manifest_digest = image->manifest_digest,
		.manifest_type = DOCUMENTS_MANIFEST_TYPE,
	};
	return push_send(push, &sent, err);
}

struct request {
	const char *operand, *uri, *compress, *arch;
	bool is_json;
};

static int push(const struct settings *s, const struct request *req, struct error *err)
{
	_cleanup_origin_operand_ struct origin_operand o = ORIGIN_OPERAND_INIT;
	_cleanup_export_image_ struct export_image image = { 0 };
	struct export_options options;
	struct source_options source;
	struct push *push = NULL;
	if (origin_options(s, req->compress, LAYER_GZIP, req->arch, &options, err) < 0 ||
		origin_operand_open(s, req->operand, &o, err) < 0 ||
		settings_need_directory(s, SETTING_CACHE_PATH, err) < 0 ||
		request_source_options(s, NULL, &source, err) < 0)
		return -1;
	/* A file without a name: it is gone however we end. */
	_cleanup_close_ int layer = spool_open(settings_get(s, SETTING_CACHE_PATH), err);
	if (layer < 0 || push_open(req->uri, &source, &push, err) < 0)
		return -1;
	int r = make_image(s, &o.origin, &options, layer, &image, err);
	if (r == 0)
		r = send_image(push, &image, layer, err);
	push_close(push);
	if (r == 0)
		printf(req->is_json ? "{\"digest\":\"%s\"}\n" : "%s\n", image.manifest_digest);
	return r;
}

int cmd_push(struct settings *settings, int argc, char *argv[])
{
	struct request req = { 0 };
	bool is_quiet = false;
	const struct option_spec specs[] = {
		{ 0, "compress", OPTION_STRING, &req.compress },
		{ 'a', "arch", OPTION_STRING, &req.arch },
		{ 0, "json", OPTION_FLAG, &req.is_json },
		{ 'q', "quiet", OPTION_FLAG, &is_quiet },
	};
	int first;
	int status = options_parse_or_usage(argc, argv, specs, ARRAY_SIZE(specs), usage, 2, 2, &first);
	if (status >= 0)
		return status;

	_cleanup_error_ struct error err = ERROR_INIT;
	log_set_quiet(is_quiet);
	req.operand = argv[first];
	req.uri = argv[first + 1];
	if (push(settings, &req, &err) < 0) {
		log_failure(&err);
		return 1;
	}
	return 0;
}
