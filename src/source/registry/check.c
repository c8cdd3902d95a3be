#include "source/check.h"

#include "base/memory.h"
#include "source/registry/registry.h"

/* A repository has to be named; that it does not exist nobody notices before something is fetched. */
#define REPOSITORY "enroot/doctor"

int source_check(const char *registry, const struct source_options *options, struct error *err)
{
	struct registry r;
	_cleanup_free_ char *uri = xasprintf("docker://%s#" REPOSITORY, registry);
	int result = registry_init(&r, uri, NULL, options, err);
	if (result == 0)
		result = registry_connect(&r, err);
	registry_cleanup(&r);
	return result;
}
