/* The formats oci-archive and docker-archive: a tar whose first large member is the layer. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "export/documents.h"
#include "layer/tar_writer.h"

struct archive {
	int fd;
	struct tar_writer *writer; /* appends to FD */
};

static int append(void *ctx, const void *data, size_t len, struct error *err)
{
	const struct archive *a = ctx;
	return fd_write_full(a->fd, data, len) < 0 ? error_errno(err, "cannot write the archive") : 0;
}

static int put_directory(struct archive *a, const char *path, struct error *err)
{
	const struct tar_member m = { .path = path, .type = TREE_DIRECTORY, .mode = 0755 };
	return tar_writer_member(a->writer, &m, err);
}

static int put_file(struct archive *a, const char *path, const void *data, size_t len, struct error *err)
{
	const struct tar_member m = { .path = path, .type = TREE_FILE, .mode = 0644, .size = len };
	if (tar_writer_member(a->writer, &m, err) < 0)
		return -1;
	return len != 0 ? tar_writer_data(a->writer, data, len, err) : 0;
}

/*
 * The layer's name and size are known only once it is written, so its header comes last, into the block that was left for
 * it. NAME_OF makes the member's name, which the caller owns.
 */
static int put_layer(struct archive *a, const struct export_request *req,
	char *(*name_of)(const struct layer_packed *layer), struct export_image *image, struct error *err)
{
	static const uint8_t zeros[TAR_BLOCK_SIZE];
	uint8_t header[TAR_BLOCK_SIZE];
	off_t at = lseek(a->fd, 0, SEEK_CUR);
	if (at < 0 || lseek(a->fd, TAR_BLOCK_SIZE, SEEK_CUR) < 0)
		return error_errno(err, "cannot write the archive");
	if (export_image_make(req->origin, req->options, a->fd, image, err) < 0)
		return -1;
	_cleanup_free_ char *name = name_of(&image->layer);
	tar_format_plain_header(name, image->layer.bytes, header);
	size_t padding = -image->layer.bytes % TAR_BLOCK_SIZE;
	if (fd_pwrite_full(a->fd, header, sizeof(header), (uint64_t)at) < 0 ||
		fd_write_full(a->fd, zeros, padding) < 0)
		return error_errno(err, "cannot write the archive");
	return 0;
}

static char *blob_name(const char *digest)
{
	return xasprintf("blobs/sha256/%s", strchr(digest, ':') + 1);
}

static char *oci_layer_name(const struct layer_packed *layer)
{
	return blob_name(layer->digest);
}

static int write_oci(
	struct archive *a, const struct export_request *req, struct export_image *image, struct error *err)
{
	_cleanup_buffer_ struct buffer index = BUFFER_INIT;
	if (put_directory(a, "blobs", err) < 0 || put_directory(a, "blobs/sha256", err) < 0 ||
		put_layer(a, req, oci_layer_name, image, err) < 0)
		return -1;
	_cleanup_free_ char *config = blob_name(image->config_digest);
	_cleanup_free_ char *manifest = blob_name(image->manifest_digest);
	documents_index(image, req->tag, &index);
	if (put_file(a, config, image->config.data, image->config.len, err) < 0 ||
		put_file(a, manifest, image->manifest.data, image->manifest.len, err) < 0 ||
		put_file(a, "index.json", index.data, index.len, err) < 0)
		return -1;
	return put_file(a, "oci-layout", DOCUMENTS_OCI_LAYOUT, strlen(DOCUMENTS_OCI_LAYOUT), err);
}

/* As docker save and skopeo name them: by what the bytes are. */
static char *docker_layer_name(const struct layer_packed *layer)
{
	return xasprintf("%s.tar", strchr(layer->digest, ':') + 1);
}

static int write_docker(
	struct archive *a, const struct export_request *req, struct export_image *image, struct error *err)
{
	_cleanup_buffer_ struct buffer list = BUFFER_INIT;
	if (put_layer(a, req, docker_layer_name, image, err) < 0)
		return -1;
	_cleanup_free_ char *config = xasprintf("%s.json", strchr(image->config_digest, ':') + 1);
	_cleanup_free_ char *layer = docker_layer_name(&image->layer);
	documents_docker(config, layer, req->tag, &list);
	if (put_file(a, config, image->config.data, image->config.len, err) < 0)
		return -1;
	return put_file(a, "manifest.json", list.data, list.len, err);
}

int export_archive(const struct export_request *req, enum export_format format, int fd,
	char digest[LAYER_DIGEST_SIZE], struct error *err)
{
	_cleanup_export_image_ struct export_image image = { 0 };
	struct archive a = { .fd = fd };
	a.writer = tar_writer_new(append, &a);
	int r = format == EXPORT_OCI_ARCHIVE ? write_oci(&a, req, &image, err)
					     : write_docker(&a, req, &image, err);
	if (r == 0)
		r = tar_writer_finish(a.writer, err);
	tar_writer_free(a.writer);
	memcpy(digest, image.manifest_digest, LAYER_DIGEST_SIZE);
	return r;
}
