#include "store/container.h"

#include <errno.h>
#include <string.h>

#include "base/paths.h"

#define NAME_MAX_BYTES 255

static bool has_forbidden_byte(const char *name)
{
	for (; *name != '\0'; name++) {
		if ((unsigned char)*name < 0x20 || *name == 0x7f || *name == '/')
			return true;
	}
	return false;
}

int container_name_check(const char *name, struct error *err)
{
	size_t len = strlen(name);
	if (len == 0 || len > NAME_MAX_BYTES || *name == '-' || *name == '.' || has_forbidden_byte(name))
		return error_set(err, EINVAL, "Invalid argument: %s", name);
	return 0;
}

char *container_path(const char *data_path, const char *name)
{
	return path_join(data_path, name);
}
