#include "source/source.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "source/config.h"
#include "source/manifest.h"
#include "source/platform.h"
#include "source/scheme.h"

static const struct source_scheme *const schemes[] = {
	&source_docker,
	&source_oci,
	&source_oci_archive,
	&source_docker_archive,
	&source_tar,
	&source_dockerd,
	&source_podman,
};

static const struct source_scheme *find_scheme(const char *uri, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
		if (str_starts_with(uri, schemes[i]->prefix))
			return schemes[i];
	error_set(err, EINVAL, "Invalid image reference: %s", uri);
	error_hint(err, "expected docker://[USER@][REGISTRY#]IMAGE[:TAG][@DIGEST], oci:DIR[:TAG], "
			"oci-archive:FILE[:TAG], docker-archive:FILE[:NAME:TAG], tar:FILE, "
			"dockerd://IMAGE[:TAG] or podman://IMAGE[:TAG]");
	return NULL;
}

char *source_default_name(const char *uri, struct error *err)
{
	const struct source_scheme *scheme = find_scheme(uri, err);
	return scheme != NULL ? scheme->default_name(uri, err) : NULL;
}

int source_digest(const char *uri, const struct source_options *options, char **digest, struct error *err)
{
	const struct source_scheme *scheme = find_scheme(uri, err);
	return scheme != NULL ? scheme->digest(uri, options, digest, err) : -1;
}

int source_open(
	const char *uri, const struct source_options *options, struct source **source, struct error *err)
{
	const struct source_scheme *scheme = find_scheme(uri, err);
	if (scheme == NULL)
		return -1;
	struct source *s = xcalloc(1, sizeof(*s));
	s->scheme = scheme;
	s->image.config.created = -1;
	if (scheme->open(s, uri, options, err) < 0) {
		source_close(s);
		return -1;
	}
	*source = s;
	return 0;
}

void source_image_cleanup(struct source_image *image)
{
	free(image->provenance);
	free(image->origin);
	free(image->default_name);
	free(image->manifest_digest);
	image_config_cleanup(&image->config);
	for (size_t i = 0; i < image->layer_count; i++) {
		free(image->layers[i].digest);
		free(image->layers[i].diff_id);
	}
	free(image->layers);
	*image = (struct source_image){ .config.created = -1 };
}

void source_close(struct source *s)
{
	if (s == NULL)
		return;
	s->scheme->close(s);
	source_image_cleanup(&s->image);
	free(s);
}

const struct source_image *source_image(const struct source *s)
{
	return &s->image;
}

int source_prefetch(struct source *s, const size_t *order, size_t count, struct error *err)
{
	return s->scheme->prefetch != NULL ? s->scheme->prefetch(s, order, count, err) : 0;
}

int source_image_set_layers(struct source_image *image, const struct manifest *m, struct error *err)
{
	const struct strv *diff_ids = &image->config.diff_ids;
	if (diff_ids->count != m->layer_count)
		return error_set(err, EPROTO, "the image has %zu layers but its configuration names %zu",
			m->layer_count, diff_ids->count);
	image->layers = xcalloc(m->layer_count + 1, sizeof(*image->layers));
	for (size_t i = 0; i < m->layer_count; i++) {
		image->layers[i] = (struct source_layer){
			.digest = xstrdup(m->layers[i].digest),
			.diff_id = xstrdup(diff_ids->items[i]),
			.size = m->layers[i].size,
		};
	}
	image->layer_count = m->layer_count;
	return 0;
}

int source_image_check_platform(
	const struct source_image *image, const struct platform_request *request, struct error *err)
{
	const char *have = image->config.architecture;
	if (platform_is_architecture(request, have))
		return 0;
	if (request->is_explicit) {
		error_set(err, ENOENT, "the image is for %s, not for %s", have, request->architecture);
		return error_hint(err, "leave --arch out to take it as it is");
	}
	log_warn("Image architecture doesn't match the requested one: %s != %s", have, request->architecture);
	return 0;
}
