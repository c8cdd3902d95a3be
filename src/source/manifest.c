#include "source/manifest.h"

#include <errno.h>
#include <string.h>

#include "base/buffer.h"
#include "base/digest.h"
#include "base/memory.h"
#include "base/str.h"
#include "source/json.h"

static void descriptor_cleanup(struct descriptor *d)
{
	free(d->digest);
	free(d->media_type);
	strv_cleanup(&d->urls);
	*d = (struct descriptor){ 0 };
}

void manifest_cleanup(struct manifest *m)
{
	descriptor_cleanup(&m->config);
	descriptor_cleanup(&m->chosen);
	for (size_t i = 0; i < m->layer_count; i++)
		descriptor_cleanup(&m->layers[i]);
	free(m->layers);
	*m = (struct manifest){ 0 };
}

static int parse_descriptor(struct descriptor *d, const json_t *value, const char *what, struct error *err)
{
	const char *digest = json_get_string(value, "digest");
	if (digest == NULL || !digest_is_valid(digest))
		return error_set(err, EPROTO, "%s has no valid digest", what);
	if (!json_get_u64(value, "size", &d->size) || d->size > INT64_MAX / 2)
		return error_set(err, EPROTO, "%s has no valid size", what);
	const char *type = json_get_string(value, "mediaType");
	d->digest = xstrdup(digest);
	d->media_type = type != NULL ? xstrdup(type) : NULL;
	return json_get_strings(value, "urls", &d->urls, err);
}

/* Entries that are no images: build attestations, and what a tool put there without a platform of its own. */
static bool is_attestation(const json_t *entry, const struct platform *p)
{
	const json_t *notes = json_object_get(entry, "annotations");
	const char *type = json_get_string(notes, "vnd.docker.reference.type");
	bool is_unknown = p->os != NULL && p->architecture != NULL && str_eq(p->os, "unknown") &&
			  str_eq(p->architecture, "unknown");
	return is_unknown || (type != NULL && str_eq(type, "attestation-manifest"));
}

static void list_platform(struct buffer *list, const struct platform *p)
{
	const char *variant = p->variant != NULL ? p->variant : "";
	buffer_printf(list, "%s%s/%s%s%s", list->len > 0 ? ", " : "", p->os != NULL ? p->os : "?",
		p->architecture != NULL ? p->architecture : "?", *variant != '\0' ? "/" : "", variant);
}

static struct platform get_platform(const json_t *entry)
{
	const json_t *p = json_object_get(entry, "platform");
	return (struct platform){
		.os = json_get_string(p, "os"),
		.architecture = json_get_string(p, "architecture"),
		.variant = json_get_string(p, "variant"),
	};
}

static int refuse_platforms(const struct platform_request *request, struct buffer *list, struct error *err)
{
	error_set(err, ENOENT, "the image has no linux/%s%s%s variant", request->architecture,
		request->variant != NULL ? "/" : "", request->variant != NULL ? request->variant : "");
	return error_hint(
		err, "it is there for: %s; choose with --arch", list->len > 0 ? list->data : "nothing");
}

static int choose_from_index(
	struct manifest *m, const json_t *entries, const struct platform_request *request, struct error *err)
{
	m->is_index = true;
	_cleanup_buffer_ struct buffer list = BUFFER_INIT;
	const json_t *best = NULL;
	const json_t *unsaid = NULL; /* a lone entry without a platform, as some tools write them */
	unsigned best_score = 0;
	size_t i, images = 0;
	json_t *entry;
	json_array_foreach(entries, i, entry)
	{
		struct platform p = get_platform(entry);
		if (!json_is_object(entry))
			return error_set(err, EPROTO, "an entry of the index is no object");
		if (is_attestation(entry, &p))
			continue;
		images++;
		unsigned score = platform_score(request, &p);
		if (score > best_score) {
			best_score = score;
			best = entry;
		}
		if (json_object_get(entry, "platform") == NULL)
			unsaid = entry;
		else if (list.len < 4096)
			list_platform(&list, &p);
	}
	if (best == NULL && images == 1)
		best = unsaid;
	if (best == NULL)
		return refuse_platforms(request, &list, err);
	return parse_descriptor(&m->chosen, best, "an entry of the index", err);
}

static bool is_image_config(const char *type)
{
	/* OCI's and Docker's; registries of old images know the third. */
	return type == NULL || str_eq(type, "application/vnd.oci.image.config.v1+json") ||
	       str_eq(type, "application/vnd.docker.container.image.v1+json") ||
	       str_eq(type, "application/octet-stream");
}

static int refuse_artifacts(const json_t *root, const json_t *config, struct error *err)
{
	const char *type = json_get_string(root, "artifactType");
	if (type == NULL || *type == '\0')
		type = json_get_string(config, "mediaType");
	if (json_get_string(root, "artifactType") == NULL && is_image_config(type))
		return 0;
	if (is_image_config(json_get_string(config, "mediaType")) &&
		json_get_string(config, "mediaType") != NULL)
		return 0;
	return error_set(
		err, EINVAL, "this is no container image but %s", type != NULL ? type : "something else");
}

static int parse_layers(struct manifest *m, const json_t *layers, struct error *err)
{
	if (json_array_size(layers) > MANIFEST_LAYERS_MAX)
		return error_set(err, EPROTO, "the manifest has more than %d layers", MANIFEST_LAYERS_MAX);
	m->layers = xcalloc(json_array_size(layers) + 1, sizeof(*m->layers));
	uint64_t total = 0;
	size_t i;
	json_t *layer;
	json_array_foreach(layers, i, layer)
	{
		struct descriptor *d = &m->layers[m->layer_count++];
		if (parse_descriptor(d, layer, "a layer of the manifest", err) < 0)
			return -1;
		if (d->media_type != NULL && strstr(d->media_type, "+encrypted") != NULL) {
			error_set(err, ENOTSUP, "the layers of the image are encrypted (%s)", d->media_type);
			return error_hint(
				err, "decrypt it first, for instance with skopeo copy --decryption-key");
		}
		total += d->size;
		if (total > INT64_MAX)
			return error_set(err, EPROTO, "the sizes of the layers are not credible");
	}
	return 0;
}

static int parse_image(struct manifest *m, const json_t *root, const json_t *layers, struct error *err)
{
	const json_t *config = json_object_get(root, "config");
	if (!json_is_object(config))
		return error_set(err, EPROTO, "the manifest has no config");
	if (refuse_artifacts(root, config, err) < 0 ||
		parse_descriptor(&m->config, config, "the config of the manifest", err) < 0)
		return -1;
	if (m->config.size > CONFIG_SIZE_MAX)
		return error_set(
			err, EFBIG, "the image's configuration is larger than %zu bytes", CONFIG_SIZE_MAX);
	return parse_layers(m, layers, err);
}

static int check_schema(const json_t *root, struct error *err)
{
	uint64_t version = 0;
	bool is_said = json_get_u64(root, "schemaVersion", &version);
	if (version == 1) {
		error_set(err, ENOTSUP, "the image has a manifest of schema 1, which is obsolete");
		return error_hint(err, "pull and push it again with a current tool, or rebuild it");
	}
	if (!is_said || version != 2)
		return error_set(err, EPROTO, "the manifest has no schemaVersion 2");
	return 0;
}

int manifest_parse(struct manifest *m, const char *data, size_t len, const struct platform_request *request,
	struct error *err)
{
	*m = (struct manifest){ 0 };
	if (len > MANIFEST_SIZE_MAX)
		return error_set(err, EFBIG, "the manifest is larger than %zu bytes", MANIFEST_SIZE_MAX);
	_cleanup_json_ json_t *root = json_parse_object(data, len, "the manifest", err);
	if (root == NULL || check_schema(root, err) < 0)
		return -1;
	const json_t *manifests = json_object_get(root, "manifests");
	const json_t *layers = json_object_get(root, "layers");
	int r;
	/* Tools that look for one or the other would see two images (CVE-2021-41190). */
	if ((manifests != NULL && (layers != NULL || json_object_get(root, "config") != NULL)))
		r = error_set(err, EPROTO, "the manifest claims to be an image and an index");
	else if (json_is_array(manifests))
		r = choose_from_index(m, manifests, request, err);
	else if (json_is_array(layers))
		r = parse_image(m, root, layers, err);
	else
		r = error_set(err, EPROTO, "the manifest is neither an image nor an index");
	if (r < 0)
		manifest_cleanup(m);
	return r;
}
