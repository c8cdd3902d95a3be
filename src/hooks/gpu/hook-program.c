#include "hooks/gpu/hook-program.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/process.h"
#include "base/str.h"
#include "hooks/gpu/gpu.h"
#include "sandbox/environ.h"

#define OCI_VERSION "1.0.2"
#define BUNDLE      "bundle"
#define MAX_OUTPUT  (1u << 20)

/* What a moment's hooks may expect the container to be; NULL: they are not run. */
static const struct {
	const char *moment, *status;
} moments[] = {
	{ "prestart", "creating" },
	{ "createRuntime", "creating" },
	{ "createContainer", "creating" },
	{ "startContainer", NULL }, /* a program of the image: it would run with our privileges */
	{ "poststart", NULL },
	{ "poststop", NULL },
};

/* config.json of the bundle: what hooks look up in it is the root filesystem and the environment. */
static char *format_config(const struct hooks_context *ctx)
{
	json_t *env = json_array();
	for (size_t i = 0; i < ctx->env->count; i++)
		json_array_append_new(env, json_string(ctx->env->items[i]));
	json_t *config = json_pack("{s:s, s:{s:s, s:b}, s:{s:s, s:o}}", "ociVersion", OCI_VERSION, "root",
		"path", ctx->rootfs, "readonly", !ctx->writable, "process", "cwd", "/", "env", env);
	char *text = config != NULL ? json_dumps(config, JSON_INDENT(1)) : NULL;
	json_decref(config);
	return text;
}

static char *format_state(const struct hooks_context *ctx, const char *bundle, const char *status)
{
	const char *pid = strv_env_get(ctx->host, "ENROOT_PID");
	_cleanup_free_ char *id = path_basename(ctx->rootfs);
	json_t *state = json_pack("{s:s, s:s, s:s, s:i, s:s, s:{}}", "ociVersion", OCI_VERSION, "id", id,
		"status", status, "pid", pid != NULL ? atoi(pid) : (int)getpid(), "bundle", bundle,
		"annotations");
	char *text = state != NULL ? json_dumps(state, JSON_COMPACT) : NULL;
	json_decref(state);
	return text;
}

static int write_bundle(struct hooks_context *ctx, char **path, struct error *err)
{
	_cleanup_free_ char *config = format_config(ctx);
	int scratch = scratch_open(ctx->scratch, err);
	if (scratch < 0)
		return -1;
	if (config == NULL)
		return error_set(err, EINVAL, "a path or variable is not UTF-8");
	if (mkdirat(scratch, BUNDLE, 0700) < 0 && errno != EEXIST)
		return error_errno(err, "cannot create a bundle");
	_cleanup_close_ int fd = openat(
		scratch, BUNDLE "/config.json", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || fd_write_full(fd, config, strlen(config)) < 0)
		return error_errno(err, "cannot write the configuration of a bundle");
	*path = path_join(scratch_path(ctx->scratch), BUNDLE);
	return 0;
}

static int run(struct hooks_context *ctx, const struct hook_program *p, const char *status, struct error *err)
{
	static char *const nothing[] = { NULL };
	_cleanup_free_ char *bundle = NULL, *state = NULL;
	_cleanup_strv_ struct strv argv = STRV_INIT;
	if (write_bundle(ctx, &bundle, err) < 0)
		return -1;
	state = format_state(ctx, bundle, status);
	if (state == NULL)
		return error_set(err, EINVAL, "a path is not UTF-8");
	strv_push(&argv, p->path);
	for (size_t i = 1; i < p->args->count; i++)
		strv_push(&argv, p->args->items[i]);
	const struct process_request req = {
		.argv = (const char *const *)argv.items,
		.envp = (const char *const *)(p->env->count > 0 ? p->env->items : (char **)nothing),
		.input = state,
		.timeout_ms = (int)p->timeout_s * 1000,
		.max_output = MAX_OUTPUT,
	};
	int code = gpu_run_program(&req, err);
	if (code > 0)
		return error_set(err, ECHILD, "hook %s exited with return code %d", p->path, code);
	return code;
}

int hook_program_run(struct hooks_context *ctx, const struct hook_program *program, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(moments); i++) {
		if (!str_eq(moments[i].moment, program->moment))
			continue;
		if (moments[i].status != NULL)
			return run(ctx, program, moments[i].status, err);
		log_warn("hook %s (%s) is not run", program->path, program->moment);
		return 0;
	}
	return error_set(err, EINVAL, "unknown hookName %s", program->moment);
}
