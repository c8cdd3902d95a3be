/*
 * The hooks of specifications: what nvidia-cdi-hook (nvidia-ctk hook) does is done here, without running anything of
 * the image and without leaving it; others are programs of the host, run as the OCI runtime specification says
 * (config.md, "POSIX-platform Hooks"; runtime.md, "State").
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/str.h"
#include "hooks/gpu/cdi-apply.h"
#include "hooks/gpu/document.h"
#include "hooks/gpu/gpu.h"
#include "hooks/gpu/hook-program.h"
#include "hooks/place.h"
#include "rootfs/resolve.h"
#include "sandbox/rootfile.h"

#define COMPAT_DIR "/usr/local/cuda/compat"
#define PARAMS     "/proc/driver/nvidia/params"
#define MAX_ARGS   4096

/* The value of "--NAME VALUE" or "--NAME=VALUE" at ARGS[*I], which moves on; NULL: another option. */
static const char *option_value(const struct strv *args, size_t *i, const char *name)
{
	const char *word = args->items[*i];
	size_t len = strlen(name);
	if (word == NULL)
		return NULL;
	word += *word == '-';
	word += *word == '-';
	if (strncmp(word, name, len) != 0)
		return NULL;
	if (word[len] == '=')
		return word + len + 1;
	return word[len] == '\0' && *i + 1 < args->count ? args->items[++*i] : NULL;
}

/* --link TARGET::PATH */
static int create_symlinks(struct inject *in, const struct strv *args, struct error *err)
{
	for (size_t i = 0; i < args->count; i++) {
		const char *link = option_value(args, &i, "link");
		const char *mark = link != NULL ? strstr(link, "::") : NULL;
		if (link == NULL)
			continue;
		if (mark == NULL)
			return error_set(err, EINVAL, "invalid symlink: %s", link);
		_cleanup_free_ char *target = xstrndup(link, (size_t)(mark - link));
		if (inject_link(in, target, mark + 2, err) < 0)
			return -1;
	}
	return 0;
}

static int update_ldcache(struct inject *in, const struct strv *args, struct error *err)
{
	for (size_t i = 0; i < args->count; i++) {
		const char *folder = option_value(args, &i, "folder");
		if (folder != NULL)
			inject_folder(in, folder, false);
	}
	return 0; /* once, when everything is in place */
}

/* The driver version that the image's compatibility library is of: libcuda.so.VERSION; 0: there is none. */
static unsigned long compat_major(int root)
{
	_cleanup_error_ struct error ignored = ERROR_INIT;
	static const char base[] = "libcuda.so.";
	char name[256];
	_cleanup_close_ int dir = resolve_open(root, COMPAT_DIR, O_PATH | O_DIRECTORY, &ignored);
	ssize_t n = dir < 0 ? -1 : readlinkat(dir, "libcuda.so.1", name, sizeof(name) - 1);
	if (n <= 0)
		return 0;
	name[n] = '\0';
	return str_starts_with(name, base) ? strtoul(name + strlen(base), NULL, 10) : 0;
}

/* An image that was made for a newer driver brings libraries which make do with the host's. */
static int enable_cuda_compat(struct inject *in, const struct strv *args, struct error *err)
{
	const char *version = NULL;
	for (size_t i = 0; i < args->count; i++) {
		const char *value = option_value(args, &i, "host-driver-version");
		version = value != NULL ? value : version;
	}
	unsigned long host = version != NULL ? strtoul(version, NULL, 10) : 0;
	if (host != 0 && compat_major(in->ctx->root) > host)
		inject_folder(in, COMPAT_DIR, true);
	return 0;
}

/* The driver's library would create device nodes that it misses, and change the modes of others. */
static int keep_device_nodes(struct inject *in, const struct strv *args, struct error *err)
{
	static const char on[] = "ModifyDeviceFiles: 1";
	_cleanup_free_ char *path = gpu_host_path(PARAMS), *text = NULL;
	size_t len;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fd_read_all(fd, ROOTFILE_MAX_BYTES, &text, &len) < 0)
		return 0; /* no driver, no nodes */
	char *line = strstr(text, on);
	if (line == NULL)
		return 0;
	line[strlen(on) - 1] = '0';
	struct hooks_context bound = *in->ctx;
	bound.writable = false;
	return place_file(&bound, PARAMS, text, len, 0444, err);
}

/* --mode MODE --path PATH…: only what is the root filesystem's own; the host's /dev keeps its modes. */
static int change_modes(struct inject *in, const struct strv *args, struct error *err)
{
	unsigned long mode = 0;
	struct stat top, st;
	if (fstat(in->ctx->root, &top) < 0)
		return error_errno(err, "cannot look at the root filesystem");
	for (size_t i = 0; i < args->count; i++) {
		const char *value = option_value(args, &i, "mode");
		if (value != NULL)
			mode = strtoul(value, NULL, 8) & 0777;
		const char *path = value == NULL ? option_value(args, &i, "path") : NULL;
		if (path == NULL || mode == 0)
			continue;
		_cleanup_error_ struct error ignored = ERROR_INIT;
		_cleanup_close_ int fd = resolve_open(in->ctx->root, path, O_RDONLY | O_NONBLOCK, &ignored);
		if (fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == top.st_dev && (st.st_mode & 0777) != mode)
			(void)fchmod(fd, (mode_t)mode); /* another user's is as it is */
	}
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct inject *in, const struct strv *args, struct error *err);
} builtins[] = {
	{ "create-symlinks", create_symlinks },
	{ "update-ldcache", update_ldcache },
	{ "enable-cuda-compat", enable_cuda_compat },
	{ "disable-device-node-modification", keep_device_nodes },
	{ "chmod", change_modes },
};

static int texts_of(const json_t *hook, const char *key, struct strv *list, struct error *err)
{
	const json_t *item;
	size_t i;
	json_array_foreach(json_object_get(hook, key), i, item)
	{
		if (!json_is_string(item) || list->count == MAX_ARGS)
			return error_set(err, EINVAL, "a hook has malformed %s", key);
		strv_push(list, json_string_value(item));
	}
	return 0;
}

/* Of the program PATH with ARGS, the index of the hook's name if it is one of the toolkit's; else 0. */
static size_t toolkit_hook(const char *path, const struct strv *args)
{
	_cleanup_free_ char *program = path_basename(path);
	if (str_starts_with(program, "nvidia-cdi-hook"))
		return args->count > 1 ? 1 : 0;
	if (str_starts_with(program, "nvidia-ctk") && args->count > 2 && str_eq(args->items[1], "hook"))
		return 2;
	return 0;
}

int cdi_run_hook(struct inject *in, const struct cdi_spec *spec, const json_t *hook, struct error *err)
{
	_cleanup_strv_ struct strv args = STRV_INIT, env = STRV_INIT;
	const char *name = document_text(hook, "hookName"), *path = document_text(hook, "path");
	uint64_t timeout;
	bool has_timeout;
	if (name == NULL || path == NULL || path[0] != '/')
		return error_set(err, EINVAL, "a hook has no hookName, or no absolute path");
	if (texts_of(hook, "args", &args, err) < 0 || texts_of(hook, "env", &env, err) < 0)
		return -1;
	size_t at = toolkit_hook(path, &args);
	for (size_t i = 0; at > 0 && i < ARRAY_SIZE(builtins); i++) {
		if (str_eq(args.items[at], builtins[i].name))
			return builtins[i].run(in, &args, err);
	}
	if (!document_number(hook, "timeout", &has_timeout, &timeout))
		return error_set(err, EINVAL, "a hook has a malformed timeout");
	const struct hook_program program = {
		.moment = name,
		.path = path,
		.args = &args,
		.env = &env,
		.timeout_s = has_timeout ? (unsigned)MIN(timeout, 86400) : 0,
	};
	return hook_program_run(in->ctx, &program, err);
}
