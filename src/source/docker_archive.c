/*
 * The scheme docker-archive: - what "docker save" writes: manifest.json names the configuration and the layers.
 *
 * There is no registry manifest: the image counts by the digest of the manifest that we make from its configuration
 * and diff_ids, which is the same however the archive was written.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "source/archive.h"
#include "source/config.h"
#include "source/docker_archive.h"
#include "source/json.h"
#include "source/local.h"
#include "source/manifest.h"
#include "source/platform.h"
#include "source/scheme.h"

#define PREFIX "docker-archive:"

struct docker_archive {
	char *path, *name; /* NAME: NAME:TAG, NULL if none was given */
	struct archive *archive;
	struct platform_request platform;
	struct strv layers; /* members, bottom first */
};

static void cleanup(struct docker_archive *d)
{
	free(d->path);
	free(d->name);
	archive_free(d->archive);
	platform_request_cleanup(&d->platform);
	strv_cleanup(&d->layers);
}

static int read_member(
	struct docker_archive *d, const char *name, size_t max, struct buffer *data, struct error *err)
{
	struct archive_range range;
	if (archive_find(d->archive, name, &range, err) < 0)
		return -1;
	return local_read(&range, max, name, data, err);
}

/* "docker.io/library/ubuntu:1" and "ubuntu:1" are one name. */
static const char *short_name(const char *name)
{
	static const char *const prefixes[] = { "docker.io/", "library/" };
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (str_starts_with(name, prefixes[i]))
			name += strlen(prefixes[i]);
	return name;
}

static bool has_name(const json_t *entry, const char *name)
{
	const json_t *tags = json_object_get(entry, "RepoTags");
	size_t i;
	json_t *tag;
	json_array_foreach(tags, i, tag) if (json_is_string(tag) && str_eq(short_name(json_string_value(tag)),
									    short_name(name))) return true;
	return false;
}

/* The entry that was asked for; without a name there has to be only one. */
static const json_t *choose_entry(const struct docker_archive *d, const json_t *entries, struct error *err)
{
	size_t count = json_array_size(entries), i;
	json_t *entry;
	if (d->name == NULL && count == 1)
		return json_array_get(entries, 0);
	json_array_foreach(entries, i, entry) if (d->name != NULL && has_name(entry, d->name)) return entry;
	if (d->name != NULL)
		error_set(err, ENOENT, "%s has no image %s", d->path, d->name);
	else
		error_set(err, EINVAL, "%s has %zu images", d->path, count);
	error_hint(err, "choose one by its name, " PREFIX "FILE:NAME:TAG");
	return NULL;
}

/* manifest.json is a list, which our parser of objects is given as the value of one. */
static json_t *load_manifest(struct docker_archive *d, struct error *err)
{
	_cleanup_buffer_ struct buffer data = BUFFER_INIT;
	_cleanup_buffer_ struct buffer wrapped = BUFFER_INIT;
	if (read_member(d, "manifest.json", MANIFEST_SIZE_MAX, &data, err) < 0) {
		error_hint(err, "it is no archive of docker save");
		return NULL;
	}
	buffer_puts(&wrapped, "{\"images\":");
	buffer_append(&wrapped, data.data, data.len);
	buffer_putc(&wrapped, '}');
	return json_parse_object(wrapped.data, wrapped.len, "manifest.json", err);
}

/* What the open archive says of the image. */
static int load_image(struct docker_archive *d, struct source_image *image, struct error *err)
{
	_cleanup_json_ json_t *manifest = load_manifest(d, err);
	const json_t *entry =
		manifest != NULL ? choose_entry(d, json_object_get(manifest, "images"), err) : NULL;
	if (entry == NULL)
		return -1;
	const char *config = json_get_string(entry, "Config");
	if (config == NULL || json_get_strings(entry, "Layers", &d->layers, err) < 0)
		return error_set(err, EINVAL, "manifest.json of %s names no Config or no Layers", d->path);
	_cleanup_buffer_ struct buffer data = BUFFER_INIT;
	if (read_member(d, config, CONFIG_SIZE_MAX, &data, err) < 0 ||
		image_config_parse(&image->config, data.data, data.len, err) < 0)
		return -1;
	if (image->config.diff_ids.count != d->layers.count || d->layers.count > MANIFEST_LAYERS_MAX)
		return error_set(err, EPROTO, "%s has %zu layers but its configuration names %zu", d->path,
			d->layers.count, image->config.diff_ids.count);
	image->manifest_digest = local_manifest_digest(data.data, data.len, &image->config.diff_ids);
	return 0;
}

static int open_layers(struct docker_archive *d, struct source_image *image, struct error *err)
{
	image->layers = xcalloc(d->layers.count + 1, sizeof(*image->layers));
	for (size_t i = 0; i < d->layers.count; i++) {
		struct archive_range range;
		if (archive_find(d->archive, d->layers.items[i], &range, err) < 0)
			return -1;
		const char *diff_id = image->config.diff_ids.items[i];
		image->layers[image->layer_count++] = (struct source_layer){
			.digest = xstrdup(diff_id), .diff_id = xstrdup(diff_id), .size = range.size
		};
	}
	return 0;
}

static int load(struct docker_archive *d, const char *uri, const struct source_options *o,
	struct source_image *image, struct error *err)
{
	*d = (struct docker_archive){ 0 };
	if (local_parse(uri, PREFIX, &d->path, &d->name, err) < 0 ||
		platform_request_parse(&d->platform, o->arch, err) < 0 ||
		archive_open(d->path, o->cache_path, &d->archive, err) < 0)
		return -1;
	return load_image(d, image, err);
}

/* The same from FD, taken over, which is what a daemon said when it was asked for URI. */
static int load_saved(struct docker_archive *d, int fd, const char *uri, const struct source_options *o,
	struct source_image *image, struct error *err)
{
	*d = (struct docker_archive){ .path = xstrdup(uri) };
	if (archive_open_fd(fd, uri, &d->archive, err) < 0 ||
		platform_request_parse(&d->platform, o->arch, err) < 0)
		return -1;
	return load_image(d, image, err);
}

static int finish_open(struct source *s, char *default_name, const char *uri, struct error *err)
{
	struct docker_archive *d = s->state;
	s->image.provenance = xstrdup(uri);
	s->image.default_name = default_name;
	if (source_image_check_platform(&s->image, &d->platform, err) < 0)
		return -1;
	return open_layers(d, &s->image, err);
}

static int docker_archive_open(
	struct source *s, const char *uri, const struct source_options *o, struct error *err)
{
	s->state = xcalloc(1, sizeof(struct docker_archive));
	if (load(s->state, uri, o, &s->image, err) < 0)
		return -1;
	return finish_open(s, local_default_name(uri, PREFIX, err), uri, err);
}

int docker_archive_open_saved(struct source *s, int fd, const char *uri, const struct source_options *o,
	char *default_name, struct error *err)
{
	_cleanup_free_ char *name = default_name;
	s->state = xcalloc(1, sizeof(struct docker_archive));
	if (load_saved(s->state, fd, uri, o, &s->image, err) < 0)
		return -1;
	return finish_open(s, steal_pointer(&name), uri, err);
}

void docker_archive_close(struct source *s)
{
	if (s->state != NULL)
		cleanup(s->state);
	free(s->state);
}

int docker_archive_blob_open(struct source *s, size_t layer, struct source_blob *b, struct error *err)
{
	struct docker_archive *d = s->state;
	struct archive_range range;
	if (archive_find(d->archive, d->layers.items[layer], &range, err) < 0)
		return -1;
	int fd = fcntl(range.fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return error_errno(err, "cannot read %s", d->path);
	source_blob_init_local(b, fd, range.start, NULL, false);
	/* The name of the bytes is known only where they are a plain tar; the diff_id is checked in any case. */
	unsigned char magic[4] = { 0 };
	(void)!pread(fd, magic, sizeof(magic), (off_t)range.start);
	if (memcmp(magic, "\x1f\x8b", 2) == 0 || memcmp(magic, "\x28\xb5\x2f\xfd", 4) == 0)
		source_blob_skip_digest(b);
	return 0;
}

/* Hand out the digest of a loaded image, if it could be LOADED, and release it. */
static int take_digest(int loaded, struct docker_archive *d, struct source_image *image, char **digest)
{
	if (loaded == 0)
		*digest = steal_pointer(&image->manifest_digest);
	free(image->manifest_digest);
	image_config_cleanup(&image->config);
	cleanup(d);
	return loaded;
}

static int docker_archive_digest(
	const char *uri, const struct source_options *o, char **digest, struct error *err)
{
	struct docker_archive d;
	struct source_image image = { 0 };
	return take_digest(load(&d, uri, o, &image, err), &d, &image, digest);
}

int docker_archive_digest_saved(
	int fd, const char *uri, const struct source_options *o, char **digest, struct error *err)
{
	struct docker_archive d;
	struct source_image image = { 0 };
	return take_digest(load_saved(&d, fd, uri, o, &image, err), &d, &image, digest);
}

static char *docker_archive_name(const char *uri, struct error *err)
{
	return local_default_name(uri, PREFIX, err);
}

const struct source_scheme source_docker_archive = {
	.prefix = PREFIX,
	.default_name = docker_archive_name,
	.digest = docker_archive_digest,
	.open = docker_archive_open,
	.blob_open = docker_archive_blob_open,
	.close = docker_archive_close,
};
