#include "hooks/extra.h"

#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"

#define MARK       "# enroot-builtin-hook"
#define HEAD_BYTES 4096

/* Is "50-sharp.sh" called WORD (of LEN bytes): "sharp"? */
static bool is_called(const char *name, const char *word, size_t len)
{
	const char *dash = strchr(name, '-');
	size_t suffix = strlen(".sh"), length = dash != NULL ? strlen(dash + 1) : 0;
	return length == len + suffix && memcmp(dash + 1, word, len) == 0;
}

bool extra_is_named(const struct hooks_context *ctx, const char *name)
{
	const char *list = strv_env_get(ctx->host, "ENROOT_HOOKS_EXTRA");
	while (list != NULL && *list != '\0') {
		size_t word = strcspn(list, ", ");
		if (word > 0 && is_called(name, list, word))
			return true;
		list += word + (list[word] != '\0');
	}
	return false;
}

void extra_check_names(const struct hooks_context *ctx, const struct builtin_hook *hooks, size_t count)
{
	const char *list = strv_env_get(ctx->host, "ENROOT_HOOKS_EXTRA");
	while (list != NULL && *list != '\0') {
		size_t word = strcspn(list, ", ");
		bool found = word == 0;
		for (size_t i = 0; i < count && !found; i++)
			found = hooks[i].is_extra && is_called(hooks[i].name, list, word);
		if (!found)
			log_warn("ENROOT_HOOKS_EXTRA: there is no hook %.*s: it takes mig-config, sharp, "
				 "slurm-pmi "
				 "and slurm-pytorch",
				(int)word, list);
		list += word + (list[word] != '\0');
	}
}

bool extra_is_marker(const char *path)
{
	char head[HEAD_BYTES];
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : fd_read_full(fd, head, sizeof(head));
	return n > 0 && memmem(head, (size_t)n, MARK, strlen(MARK)) != NULL;
}
