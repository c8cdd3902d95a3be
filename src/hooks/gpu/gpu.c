#include "hooks/gpu/gpu.h"

#include <string.h>

#include "base/memory.h"
#include "base/paths.h"
#include "base/str.h"
#include "sandbox/privileges.h"

char *gpu_host_path(const char *path)
{
	const char *top = getenv(GPU_TEST_HOST);
	return top != NULL ? path_join(top, path + strspn(path, "/")) : xstrdup(path);
}

const char *gpu_variable(const struct hooks_context *ctx, const char *key)
{
	const char *value = strv_env_get(ctx->host, key);
	return value != NULL ? value : strv_env_get(ctx->env, key);
}

bool gpu_is_void(const char *devices)
{
	return devices == NULL || *devices == '\0' || str_eq(devices, "void");
}

bool gpu_is_asked_for(const struct hooks_context *ctx)
{
	return strv_env_get(ctx->host, "ENROOT_DEVICES") != NULL ||
	       !gpu_is_void(gpu_variable(ctx, "NVIDIA_VISIBLE_DEVICES"));
}

void gpu_split(struct strv *list, const char *text)
{
	static const char separators[] = ", \t";
	for (text += strspn(text, separators); *text != '\0'; text += strspn(text, separators)) {
		size_t len = strcspn(text, separators);
		strv_push_owned(list, xstrndup(text, len));
		text += len;
	}
}

int gpu_run_program(const struct process_request *req, struct error *err)
{
	_cleanup_free_ char *output = NULL; /* nobody wants it */
	if (privileges_lend(err) < 0)
		return -1;
	int code = process_capture(req, &output, NULL, err);
	privileges_take_back();
	return code;
}
