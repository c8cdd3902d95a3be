/* Manifests, indexes and configurations: one input is tried as both. */
#include <stdint.h>
#include <stdlib.h>

#include "base/digest.h"
#include "source/config.h"
#include "source/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_platform_request_ struct platform_request request = { 0 };
	_cleanup_manifest_ struct manifest m = { 0 };
	struct image_config c;
	if (platform_request_parse(&request, size % 2 ? "amd64" : "arm/v6", &err) < 0)
		abort();
	if (manifest_parse(&m, (const char *)data, size, &request, &err) == 0)
		for (size_t i = 0; i < m.layer_count; i++)
			if (!digest_is_valid(m.layers[i].digest))
				abort();
	if (image_config_parse(&c, (const char *)data, size, &err) == 0) {
		if (c.working_dir != NULL && c.working_dir[0] != '/')
			abort();
		image_config_cleanup(&c);
	}
	return 0;
}
