/*
 * The scheme tar: - a root filesystem as one tar file, compressed or not; "tar:-" is standard input.
 *
 * It has no configuration: what is run in it is a shell. As with other sources that know no registry, the image counts
 * by the digest of the manifest that we make, from that configuration and the digest of the uncompressed tar.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/sha256.h"
#include "base/str.h"
#include "layer/stream.h"
#include "source/config.h"
#include "source/input.h"
#include "source/local.h"
#include "source/manifest.h"
#include "source/platform.h"
#include "source/scheme.h"

#define PREFIX "tar:"

/* "tar:FILE": all of it is the name. */
static const char *file_of(const char *uri, struct error *err)
{
	const char *file = uri + strlen(PREFIX);
	bool has_control = false; /* it is recorded as a line of /etc/rc */
	for (const char *p = file; *p != '\0'; p++)
		has_control |= (unsigned char)*p < 0x20 || *p == 0x7f;
	if (*file != '\0' && !has_control)
		return file;
	error_set(err, EINVAL, "Invalid image reference: %s", uri);
	error_hint(err, "expected " PREFIX "FILE, or " PREFIX "- for standard input");
	return NULL;
}

struct file_input {
	int fd;
	uint64_t offset;
};

static int read_file(void *ctx, void *buf, size_t len, size_t *got, struct error *err)
{
	struct file_input *in = ctx;
	ssize_t n = fd_pread_full(in->fd, buf, len, in->offset);
	if (n < 0)
		return error_errno(err, "cannot read the tar file");
	*got = (size_t)n;
	in->offset += (uint64_t)n;
	return 0;
}

/* The digest of the tar itself, which the caller owns. */
static char *find_diff_id(int fd, const char *file, struct error *err)
{
	struct file_input in = { .fd = fd };
	struct layer_limits limits = LAYER_LIMITS_DEFAULT;
	const struct layer_input input = { .ctx = &in, .read = read_file };
	const struct layer_stream_options options = { .input = &input, .limits = &limits, .hash = true };
	char hex[SHA256_HEX_SIZE];
	struct layer_stream *s = layer_stream_open(&options);
	int r = layer_stream_drain(s, err);
	if (r == 0)
		layer_stream_digest(s, hex);
	layer_stream_close(s);
	if (r == 0)
		return xasprintf("sha256:%s", hex);
	error_prefix(err, "%s", file);
	return NULL;
}

static void make_config(
	struct image_config *config, const struct platform_request *platform, const char *diff_id)
{
	config->architecture = xstrdup(platform->architecture);
	config->os = xstrdup("linux");
	strv_push(&config->diff_ids, diff_id);
}

/* The digest of the manifest that stands for the image. */
static char *make_manifest_digest(const struct image_config *config)
{
	_cleanup_free_ char *text =
		xasprintf("{\"architecture\":\"%s\",\"os\":\"linux\",\"rootfs\":{\"type\":"
			  "\"layers\",\"diff_ids\":[\"%s\"]}}",
			config->architecture, config->diff_ids.items[0]);
	return local_manifest_digest(text, strlen(text), &config->diff_ids);
}

/* The file, owned by the caller, and what IMAGE says of it but for its layer. */
static int load(
	const char *uri, const struct source_options *o, struct source_image *image, struct error *err)
{
	_cleanup_platform_request_ struct platform_request platform = { 0 };
	const char *file = file_of(uri, err);
	if (file == NULL || platform_request_parse(&platform, o->arch, err) < 0)
		return -1;
	_cleanup_close_ int fd = input_open(file, o->cache_path, err);
	_cleanup_free_ char *diff_id = fd >= 0 ? find_diff_id(fd, file, err) : NULL;
	if (diff_id == NULL)
		return -1;
	make_config(&image->config, &platform, diff_id);
	image->manifest_digest = make_manifest_digest(&image->config);
	return steal_fd(&fd);
}

static char *default_name(const char *uri, struct error *err)
{
	const char *file = file_of(uri, err);
	return file != NULL ? input_name(file) : NULL;
}

struct tar_state {
	int fd;
};

static int tar_open(struct source *s, const char *uri, const struct source_options *o, struct error *err)
{
	struct source_image *image = &s->image;
	struct tar_state *state = xcalloc(1, sizeof(*state));
	struct stat st;
	s->state = state;
	state->fd = load(uri, o, image, err);
	if (state->fd < 0)
		return -1;
	if (fstat(state->fd, &st) < 0)
		return error_errno(err, "cannot look at %s", uri);
	image->provenance = xstrdup(uri);
	image->default_name = default_name(uri, err);
	image->layers = xcalloc(1, sizeof(*image->layers));
	image->layers[image->layer_count++] = (struct source_layer){
		.digest = xstrdup(image->config.diff_ids.items[0]),
		.diff_id = xstrdup(image->config.diff_ids.items[0]),
		.size = (uint64_t)st.st_size,
	};
	return 0;
}

static void tar_close(struct source *s)
{
	struct tar_state *state = s->state;
	if (state != NULL && state->fd >= 0)
		close(state->fd);
	free(state);
}

static int tar_digest(const char *uri, const struct source_options *o, char **digest, struct error *err)
{
	struct source_image image = { 0 };
	_cleanup_close_ int fd = load(uri, o, &image, err);
	if (fd >= 0)
		*digest = steal_pointer(&image.manifest_digest);
	free(image.manifest_digest);
	image_config_cleanup(&image.config);
	return fd >= 0 ? 0 : -1;
}

static int tar_blob_open(struct source *s, size_t layer, struct source_blob *b, struct error *err)
{
	struct tar_state *state = s->state;
	(void)layer;
	int fd = fcntl(state->fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return error_errno(err, "cannot read the tar file");
	source_blob_init_local(b, fd, 0, NULL, false);
	source_blob_skip_digest(b); /* that of the tar is checked in any case */
	return 0;
}

const struct source_scheme source_tar = {
	.prefix = PREFIX,
	.default_name = default_name,
	.digest = tar_digest,
	.open = tar_open,
	.blob_open = tar_blob_open,
	.close = tar_close,
};
