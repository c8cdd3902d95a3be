#include "cmd/image-program.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "build-config.h"

char *image_program(void)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n > 0) {
		self[n] = '\0';
		char *slash = strrchr(self, '/');
		_cleanup_free_ char *beside =
			slash != NULL ? xasprintf("%.*s/enroot-image", (int)(slash - self), self) : NULL;
		if (beside != NULL && access(beside, X_OK) == 0)
			return steal_pointer(&beside);
	}
	return xstrdup(ENROOT_IMAGE_PROGRAM);
}
