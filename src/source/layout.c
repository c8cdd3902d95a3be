/* The schemes oci: and oci-archive: - OCI image layouts (image spec, image-layout.md), a folder or a tar of one. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/fd.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/str.h"
#include "source/archive.h"
#include "source/config.h"
#include "source/json.h"
#include "source/local.h"
#include "source/manifest.h"
#include "source/platform.h"
#include "source/scheme.h"

#define INDEX_DEPTH_MAX 4

struct layout {
	char *path, *tag; /* TAG: NULL if none was given */
	int dir;
	struct archive *archive; /* or NULL: DIR it is */
	struct platform_request platform;
	struct manifest manifest;
	char *manifest_digest;
};

static void layout_cleanup(struct layout *l)
{
	free(l->path);
	free(l->tag);
	if (l->dir >= 0)
		close(l->dir);
	archive_free(l->archive);
	platform_request_cleanup(&l->platform);
	manifest_cleanup(&l->manifest);
	free(l->manifest_digest);
}

/* A file of the layout, which the caller owns. */
static int open_file(const struct layout *l, const char *name, struct archive_range *range, struct error *err)
{
	if (l->archive != NULL) {
		if (archive_find(l->archive, name, range, err) < 0)
			return -1;
		range->fd = fcntl(range->fd, F_DUPFD_CLOEXEC, 3);
		return range->fd >= 0 ? 0 : error_errno(err, "cannot read %s", l->path);
	}
	/* What is in there may be a FIFO, or a link to /dev/zero. */
	_cleanup_close_ int fd =
		openat(l->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_errno(err, "cannot open %s/%s", l->path, name);
	if (!S_ISREG(st.st_mode))
		return error_set(err, EINVAL, "%s/%s is no regular file", l->path, name);
	*range = (struct archive_range){ .fd = steal_fd(&fd), .size = (uint64_t)st.st_size };
	return 0;
}

static int open_blob(const struct layout *l, const char *digest, uint64_t size, struct archive_range *range,
	struct error *err)
{
	_cleanup_free_ char *name = xasprintf("blobs/%s", digest);
	*strchr(name, ':') = '/';
	if (open_file(l, name, range, err) < 0)
		return -1;
	if (range->size == size)
		return 0;
	close(range->fd);
	return error_set(err, EINVAL, "%s/%s is not as large as its descriptor says", l->path, name);
}

static int read_blob(const struct layout *l, const char *digest, uint64_t size, size_t max,
	struct buffer *data, struct error *err)
{
	struct archive_range range;
	if (open_blob(l, digest, size, &range, err) < 0)
		return -1;
	int r = local_read(&range, max, digest, data, err);
	close(range.fd);
	_cleanup_free_ char *actual = r == 0 ? digest_of(digest, data->data, data->len) : NULL;
	if (r == 0 && !str_eq(actual, digest))
		r = error_set(
			err, EINVAL, "%s of %s is damaged: it has the digest %s", digest, l->path, actual);
	return r;
}

static bool has_tag(const json_t *entry, const char *tag)
{
	const char *name =
		json_get_string(json_object_get(entry, "annotations"), "org.opencontainers.image.ref.name");
	if (name == NULL)
		return false;
	/* podman and buildah write the whole reference. */
	const char *colon = strrchr(name, ':');
	return str_eq(name, tag) || (colon != NULL && str_eq(colon + 1, tag));
}

/* Variants for platforms may stand side by side, differently named images may not. */
static bool has_several_names(const json_t *entries)
{
	const char *first = NULL;
	size_t i;
	json_t *entry;
	json_array_foreach(entries, i, entry)
	{
		const char *name = json_get_string(
			json_object_get(entry, "annotations"), "org.opencontainers.image.ref.name");
		if (first == NULL)
			first = name;
		else if (name != NULL && !str_eq(name, first))
			return true;
	}
	return false;
}

/* Leave only the entries of the tag in the index; without a tag all stay. */
static int filter_index(const struct layout *l, json_t *index, struct error *err)
{
	json_t *entries = json_object_get(index, "manifests");
	if (!json_is_array(entries))
		return error_set(err, EINVAL, "index.json of %s lists no manifests", l->path);
	for (size_t i = json_array_size(entries); l->tag != NULL && i-- > 0;)
		if (!has_tag(json_array_get(entries, i), l->tag))
			json_array_remove(entries, i);
	size_t count = json_array_size(entries);
	if (count == 0)
		return error_set(err, ENOENT, "%s has no image%s%s", l->path,
			l->tag != NULL ? " with the tag " : "", l->tag != NULL ? l->tag : "");
	if (l->tag == NULL && has_several_names(entries)) {
		error_set(err, EINVAL, "%s has several images", l->path);
		return error_hint(err, "choose one by its tag, PATH:TAG");
	}
	return 0;
}

/* The first entry to go to, by the tag and the platform. */
static int choose_entry(struct layout *l, struct error *err)
{
	struct archive_range range;
	_cleanup_buffer_ struct buffer data = BUFFER_INIT;
	if (open_file(l, "index.json", &range, err) < 0)
		return error_hint(err, "%s is no OCI layout", l->path);
	int r = local_read(&range, MANIFEST_SIZE_MAX, "index.json", &data, err);
	close(range.fd);
	if (r < 0)
		return -1;
	_cleanup_json_ json_t *index = json_parse_object(data.data, data.len, "index.json", err);
	if (index == NULL || filter_index(l, index, err) < 0)
		return -1;
	char *text = json_dumps(index, JSON_COMPACT);
	r = manifest_parse(&l->manifest, text, strlen(text), &l->platform, err);
	free(text);
	return r;
}

static int resolve(struct layout *l, struct error *err)
{
	if (choose_entry(l, err) < 0)
		return -1;
	for (unsigned depth = 0; l->manifest.is_index; depth++) {
		_cleanup_buffer_ struct buffer data = BUFFER_INIT;
		_cleanup_free_ char *digest = xstrdup(l->manifest.chosen.digest);
		if (depth > INDEX_DEPTH_MAX)
			return error_set(err, ELOOP, "the index of %s leads to more than %d further ones",
				l->path, INDEX_DEPTH_MAX);
		if (read_blob(l, digest, l->manifest.chosen.size, MANIFEST_SIZE_MAX, &data, err) < 0)
			return -1;
		manifest_cleanup(&l->manifest);
		if (manifest_parse(&l->manifest, data.data, data.len, &l->platform, err) < 0)
			return -1;
		free(l->manifest_digest);
		l->manifest_digest = steal_pointer(&digest);
	}
	return 0;
}

static int layout_init(struct layout *l, const char *uri, const char *prefix, const struct source_options *o,
	struct error *err)
{
	*l = (struct layout){ .dir = -1 };
	if (local_parse(uri, prefix, &l->path, &l->tag, err) < 0 ||
		platform_request_parse(&l->platform, o->arch, err) < 0)
		return -1;
	if (str_eq(prefix, "oci-archive:"))
		return archive_open(l->path, o->cache_path, &l->archive, err);
	l->dir = open(l->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return l->dir >= 0 ? 0 : error_set(err, errno, "%s: %s", strerror(errno), l->path);
}

static int layout_open(struct source *s, const char *uri, const struct source_options *o, struct error *err)
{
	struct layout *l = xcalloc(1, sizeof(*l));
	struct source_image *image = &s->image;
	_cleanup_buffer_ struct buffer config = BUFFER_INIT;
	s->state = l;
	if (layout_init(l, uri, s->scheme->prefix, o, err) < 0 || resolve(l, err) < 0)
		return -1;
	const struct descriptor *d = &l->manifest.config;
	if (read_blob(l, d->digest, d->size, CONFIG_SIZE_MAX, &config, err) < 0 ||
		image_config_parse(&image->config, config.data, config.len, err) < 0)
		return -1;
	image->provenance = xstrdup(uri);
	image->default_name = local_default_name(uri, s->scheme->prefix, err);
	image->manifest_digest = xstrdup(l->manifest_digest);
	if (source_image_check_platform(image, &l->platform, err) < 0)
		return -1;
	return source_image_set_layers(image, &l->manifest, err);
}

static void layout_close(struct source *s)
{
	if (s->state != NULL)
		layout_cleanup(s->state);
	free(s->state);
}

static int layout_blob_open(struct source *s, size_t layer, struct source_blob *b, struct error *err)
{
	struct archive_range range;
	if (open_blob(s->state, s->image.layers[layer].digest, s->image.layers[layer].size, &range, err) < 0)
		return -1;
	source_blob_init_local(b, range.fd, range.start, NULL, false);
	return 0;
}

static int digest_of_layout(
	const char *uri, const char *prefix, const struct source_options *o, char **digest, struct error *err)
{
	struct layout l;
	int r = layout_init(&l, uri, prefix, o, err);
	if (r == 0)
		r = resolve(&l, err);
	if (r == 0)
		*digest = steal_pointer(&l.manifest_digest);
	layout_cleanup(&l);
	return r;
}

static int oci_digest(const char *uri, const struct source_options *o, char **digest, struct error *err)
{
	return digest_of_layout(uri, "oci:", o, digest, err);
}

static int oci_archive_digest(
	const char *uri, const struct source_options *o, char **digest, struct error *err)
{
	return digest_of_layout(uri, "oci-archive:", o, digest, err);
}

static char *oci_name(const char *uri, struct error *err)
{
	return local_default_name(uri, "oci:", err);
}

static char *oci_archive_name(const char *uri, struct error *err)
{
	return local_default_name(uri, "oci-archive:", err);
}

const struct source_scheme source_oci = {
	.prefix = "oci:",
	.default_name = oci_name,
	.digest = oci_digest,
	.open = layout_open,
	.blob_open = layout_blob_open,
	.close = layout_close,
};

const struct source_scheme source_oci_archive = {
	.prefix = "oci-archive:",
	.default_name = oci_archive_name,
	.digest = oci_archive_digest,
	.open = layout_open,
	.blob_open = layout_blob_open,
	.close = layout_close,
};
