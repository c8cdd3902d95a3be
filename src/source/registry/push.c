#include "source/push.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "base/uri.h"
#include "source/registry/upload.h"

struct push {
	struct registry registry;
	struct push_client client;
};

/* Where registries.conf says that the registry itself is; no mirror. NULL with ERR. */
static const struct endpoint *find_registry(
	const struct reference *ref, struct endpoints *e, struct error *err)
{
	if (endpoints_find(e, ref, err) < 0)
		return NULL;
	for (size_t i = 0; i < e->count; i++)
		if (!e->items[i].is_mirror)
			return &e->items[i];
	error_set(err, EINVAL, "there is no registry for %s, only mirrors", ref->repository);
	return NULL;
}

static int init(struct push *p, const char *uri, const struct source_options *o, struct error *err)
{
	_cleanup_reference_ struct reference ref = { 0 };
	_cleanup_endpoints_ struct endpoints e = { 0 };
	if (!str_starts_with(uri, "docker://")) {
		_cleanup_free_ char *shown = uri_redact(uri);
		error_set(err, EINVAL, "Invalid image reference: %s", shown);
		return error_hint(err, "images are pushed to docker://[USER@][REGISTRY#]IMAGE[:TAG]");
	}
	if (reference_parse(&ref, uri, err) < 0)
		return -1;
	if (ref.digest != NULL) {
		error_set(err, EINVAL,
			"Invalid image reference: an image is pushed by its tag, not by a digest");
		return error_hint(err, "leave out @%s", ref.digest);
	}
	const struct endpoint *registry = find_registry(&ref, &e, err);
	return registry != NULL ? registry_init(&p->registry, uri, registry, o, err) : -1;
}

int push_open(const char *uri, const struct source_options *o, struct push **push, struct error *err)
{
	struct push *p = xcalloc(1, sizeof(*p));
	if (init(p, uri, o, err) < 0) {
		push_close(p);
		return -1;
	}
	auth_want_push(p->registry.auth);
	push_client_init(&p->client, &p->registry);
	if (registry_connect(&p->registry, err) < 0 || upload_begin(&p->client, err) < 0) {
		push_close(p);
		return -1;
	}
	*push = p;
	return 0;
}

void push_close(struct push *p)
{
	if (p == NULL)
		return;
	if (p->client.easy != NULL) {
		upload_end(&p->client);
		push_client_cleanup(&p->client);
	}
	registry_cleanup(&p->registry);
	free(p);
}

static int send_layer(struct push *p, const struct push_blob *layer, struct error *err)
{
	struct progress progress;
	bool is_new = false;
	log_info("Uploading layer %s (%s)...", layer->digest, str_bytes(layer->size));
	progress_begin(&progress, "Layer", layer->size);
	p->client.progress = &progress;
	int r = upload_blob(&p->client, layer, &is_new, err);
	p->client.progress = NULL;
	progress_end(&progress);
	if (r == 0 && !is_new)
		log_info("The registry has the layer already");
	return r;
}

static int send_manifest(struct push *p, const struct push_image *image, struct error *err)
{
	_cleanup_push_answer_ struct push_answer a = { 0 };
	_cleanup_free_ char *url = registry_url(&p->registry, "manifests", p->registry.ref.tag);
	const struct push_call call = {
		.method = "PUT",
		.url = url,
		.content_type = image->manifest_type,
		.has_body = true,
		.text = image->manifest,
		.body_len = image->manifest_len,
	};
	log_info("Writing image manifest");
	if (push_perform_patiently(&p->client, &call, &a, err) < 0)
		return -1;
	if (a.result != CURLE_OK || a.headers.status < 200 || a.headers.status >= 300)
		return push_error(&p->client, &a, err);
	const char *said = a.headers.content_digest;
	if (said != NULL && !str_eq(said, image->manifest_digest))
		return error_set(err, EPROTO,
			"the registry keeps another manifest than was sent: %s instead of %s", said,
			image->manifest_digest);
	return 0;
}

int push_send(struct push *p, const struct push_image *image, struct error *err)
{
	bool is_new;
	if (send_layer(p, &image->layer, err) < 0 ||
		upload_blob(&p->client, &image->config, &is_new, err) < 0)
		return -1;
	return send_manifest(p, image, err);
}
