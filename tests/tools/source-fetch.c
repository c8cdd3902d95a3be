/* source-fetch URI CACHE: open an image, print what it is, read all layers from the last one down. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "source/source.h"

static int read_layer(struct source *s, size_t i, bool is_hashed, struct error *err)
{
	const struct source_layer *l = &source_image(s)->layers[i];
	struct source_blob *blob;
	if (source_blob_open(s, i, &blob, err) < 0)
		return -1;
	static char buf[256 << 10];
	uint64_t total = 0;
	struct digester *d = digester_new(l->digest);
	int r;
	size_t got;
	while ((r = source_blob_read(blob, buf, sizeof(buf), &got, err)) == 0 && got > 0) {
		if (is_hashed)
			digester_update(d, buf, got);
		total += got;
	}
	_cleanup_free_ char *digest = digester_final(d);
	digester_free(d);
	source_blob_close(blob);
	if (r == 0)
		printf("layer %zu %s %" PRIu64 " %s\n", i, l->digest, total,
			!is_hashed || str_eq(digest, l->digest) ? "ok" : "WRONG");
	return r;
}

static int fetch(const char *uri, const char *cache, bool is_hashed, struct error *err)
{
	struct source *s;
	const struct source_options o = {
		.arch = getenv("ARCH"),
		.config_path = getenv("ENROOT_CONFIG_PATH"),
		.cache_path = cache,
		.max_connections = 10,
		.connect_timeout_s = 30,
		.transfer_retries = getenv("RETRIES") != NULL ? atoi(getenv("RETRIES")) : -1,
		.allow_http = getenv("ENROOT_ALLOW_HTTP") != NULL,
	};
	if (source_open(uri, &o, &s, err) < 0)
		return -1;
	const struct source_image *image = source_image(s);
	printf("provenance %s\nname %s\nmanifest %s\narchitecture %s\ncreated %" PRId64 "\n",
		image->provenance, image->default_name, image->manifest_digest,
		image->config.architecture != NULL ? image->config.architecture : "-", image->config.created);
	_cleanup_free_ size_t *order = xcalloc(image->layer_count + 1, sizeof(*order));
	for (size_t i = 0; i < image->layer_count; i++)
		order[i] = image->layer_count - 1 - i;
	int r = source_prefetch(s, order, image->layer_count, err);
	for (size_t i = 0; r == 0 && i < image->layer_count; i++)
		r = read_layer(s, order[i], is_hashed, err);
	source_close(s);
	return r;
}

int main(int argc, char *argv[])
{
	if (argc < 3)
		return 2;
	interrupt_install();
	_cleanup_error_ struct error err = ERROR_INIT;
	if (fetch(argv[1], argv[2], argc == 3, &err) == 0)
		return 0;
	log_failure(&err);
	return 1;
}
