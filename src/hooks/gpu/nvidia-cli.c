/* The classic way: nvidia-container-cli (libnvidia-container) does it all, told what by its options. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/process.h"
#include "base/str.h"
#include "hooks/gpu/gpu.h"
#include "rootfs/resolve.h"
#include "sandbox/mount.h"

#define PROGRAM    "nvidia-container-cli"
#define REQUIRE    "NVIDIA_REQUIRE_"
#define MAX_OUTPUT (1u << 20)

static bool is_program(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* The first in $PATH and then in /sbin, where what only root needs may be; the caller owns it. NULL: none. */
static char *find_program(const struct hooks_context *ctx, const char *name)
{
	_cleanup_strv_ struct strv folders = STRV_INIT;
	const char *path = strv_env_get(ctx->host, "PATH");
	strv_split(&folders, path != NULL ? path : "/usr/local/bin:/usr/bin:/bin", ':');
	strv_push(&folders, "/usr/sbin");
	strv_push(&folders, "/sbin");
	for (size_t i = 0; i < folders.count; i++) {
		_cleanup_free_ char *file = path_join(folders.items[i], name);
		if (folders.items[i][0] == '/' && is_program(file))
			return steal_pointer(&file);
	}
	return NULL;
}

char *nvidia_cli_find(const struct hooks_context *ctx)
{
	return find_program(ctx, PROGRAM);
}

/* The host's own, which the tool runs inside: "@" says so. Debian's ldconfig is a script around ldconfig.real. */
static void add_ldconfig(const struct hooks_context *ctx, struct strv *args)
{
	char real[PATH_MAX];
	_cleanup_free_ char *path = find_program(ctx, "ldconfig.real");
	if (path == NULL)
		path = find_program(ctx, "ldconfig");
	if (path != NULL)
		strv_push_owned(
			args, xasprintf("--ldconfig=@%s", realpath(path, real) != NULL ? real : path));
}

static void add_list(
	const struct hooks_context *ctx, struct strv *args, const char *option, const char *variable)
{
	const char *value = gpu_variable(ctx, variable);
	if (value != NULL && *value != '\0')
		strv_push_owned(args, xasprintf("--%s=%s", option, value));
}

/* What the image requires of the driver; the host's word for a key counts instead, if it has one. */
static void add_requirements(const struct hooks_context *ctx, struct strv *args)
{
	_cleanup_strv_ struct strv all = STRV_INIT;
	const struct strv *const sources[] = { ctx->env, ctx->host };
	const char *disabled = gpu_variable(ctx, "NVIDIA_DISABLE_REQUIRE");
	if (disabled != NULL && *disabled != '\0')
		return;
	for (size_t s = 0; s < ARRAY_SIZE(sources); s++) {
		for (size_t i = 0; i < sources[s]->count; i++) {
			const char *entry = sources[s]->items[i];
			size_t len = strcspn(entry, "=");
			if (!str_starts_with(entry, REQUIRE) || entry[len] == '\0')
				continue;
			_cleanup_free_ char *key = xstrndup(entry, len);
			strv_env_set(&all, key, entry + len + 1);
		}
	}
	for (size_t i = 0; i < all.count; i++) {
		const char *value = strchr(all.items[i], '=') + 1;
		if (*value != '\0')
			strv_push_owned(args, xasprintf("--require=%s", value));
	}
}

int nvidia_bind_companions(struct hooks_context *ctx, struct error *err)
{
	static const char *const paths[] = { "/dev/gdrdrv", "/dev/nvidia-caps-imex-channels" };
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		_cleanup_error_ struct error ignored = ERROR_INIT;
		_cleanup_free_ char *host = gpu_host_path(paths[i]);
		struct stat st;
		_cleanup_close_ int source = open(host, O_PATH | O_CLOEXEC);
		if (source < 0 || fstat(source, &st) < 0)
			continue;
		_cleanup_close_ int there = resolve_open(ctx->root, paths[i], O_PATH, &ignored);
		if (there >= 0)
			continue; /* the host's /dev */
		_cleanup_close_ int target = mount_open_target(
			ctx->root, paths[i], S_ISDIR(st.st_mode) ? FSTAB_CREATE_DIR : FSTAB_CREATE_FILE, err);
		if (target < 0 || mount_bind_fd(source, target, MS_NOSUID | MS_NOEXEC, err) < 0)
			return error_prefix(err, "%s", paths[i]);
	}
	return 0;
}

static void warn_about_driver(void)
{
	_cleanup_free_ char *module = gpu_host_path("/sys/module/nvidia_uvm");
	if (access(module, F_OK) < 0)
		log_warn("Kernel module nvidia_uvm is not loaded. Make sure the NVIDIA device driver is "
			 "installed "
			 "and loaded.");
}

static void make_arguments(const struct hooks_context *ctx, const char *program, const char *devices,
	unsigned capabilities, struct strv *args)
{
	strv_push(args, program);
	strv_push(args, "--user");
	if (gpu_variable(ctx, "NVIDIA_DEBUG_LOG") != NULL)
		strv_push(args, "--debug=/dev/stderr");
	strv_push(args, "configure");
	strv_push(args, "--no-cgroups");
	add_ldconfig(ctx, args);
	if (!str_eq(devices, "none"))
		strv_push_owned(args, xasprintf("--device=%s", devices));
	add_list(ctx, args, "mig-config", "NVIDIA_MIG_CONFIG_DEVICES");
	add_list(ctx, args, "mig-monitor", "NVIDIA_MIG_MONITOR_DEVICES");
	for (unsigned i = 0; i < NVIDIA_CAPABILITIES; i++) {
		if ((capabilities & 1u << i) != 0)
			strv_push_owned(args, xasprintf("--%s", nvidia_capability_names[i]));
	}
	add_requirements(ctx, args);
	strv_push(args, ctx->rootfs);
}

int nvidia_cli_run(struct hooks_context *ctx, const char *program, const char *devices, struct error *err)
{
	_cleanup_strv_ struct strv args = STRV_INIT;
	unsigned capabilities;
	if (nvidia_capabilities(ctx, &capabilities, err) < 0)
		return -1;
	make_arguments(ctx, program, devices, capabilities, &args);
	warn_about_driver();
	const struct process_request req = {
		.argv = (const char *const *)args.items,
		.envp = (const char *const *)ctx->host->items,
		.max_output = MAX_OUTPUT,
	};
	int code = gpu_run_program(&req, err);
	if (code < 0)
		return -1;
	if (code > 0)
		return error_set(err, ECHILD, "%s exited with return code %d", program, code);
	return (capabilities & NVIDIA_COMPUTE) != 0 ? nvidia_bind_companions(ctx, err) : 0;
}
