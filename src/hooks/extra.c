#include "hooks/extra.h"

#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/str.h"

#define MARK       "# enroot-builtin-hook"
#define HEAD_BYTES 4096

bool extra_is_named(const struct hooks_context *ctx, const char *name)
{
	const char *list = strv_env_get(ctx->host, "ENROOT_HOOKS_EXTRA");
	const char *dash = strchr(name, '-');
	size_t len = dash != NULL ? strlen(dash + 1) : 0;
	if (list == NULL || len <= strlen(".sh"))
		return false;
	len -= strlen(".sh");
	while (*list != '\0') {
		size_t word = strcspn(list, ", ");
		if (word == len && memcmp(list, dash + 1, len) == 0)
			return true;
		list += word + (list[word] != '\0');
	}
	return false;
}

bool extra_is_marker(const char *path)
{
	char head[HEAD_BYTES];
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : fd_read_full(fd, head, sizeof(head));
	return n > 0 && memmem(head, (size_t)n, MARK, strlen(MARK)) != NULL;
}
