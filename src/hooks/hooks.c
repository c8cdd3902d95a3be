#include "hooks/hooks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/str.h"
#include "config/keys.h"
#include "hooks/builtin.h"
#include "hooks/external.h"
#include "hooks/extra.h"
#include "hooks/gpu/gpu.h"
#include "rootfs/resolve.h"

/* In the order of their names, as hooks.d has it. */
static const struct builtin_hook builtins[] = {
	{ "10-aptfix.sh", hook_aptfix },
	{ "10-cgroups.sh", hook_cgroups },
	{ "10-devices.sh", hook_devices },
	{ "10-home.sh", hook_home },
	{ "10-localtime.sh", hook_localtime },
	{ "10-shadow.sh", hook_shadow },
	{ "50-mig-config.sh", hook_mig_config, .is_extra = true },
	{ "50-sharp.sh", hook_sharp, .is_extra = true },
	{ "50-slurm-pmi.sh", hook_slurm_pmi, .is_extra = true },
	{ "50-slurm-pytorch.sh", hook_slurm_pytorch, .is_extra = true },
	{ "98-nvidia.sh", hook_nvidia },
	{ "99-mellanox.sh", hook_mellanox },
};

bool hooks_is_on(const struct hooks_context *ctx, enum setting key)
{
	const char *value = strv_env_get(ctx->host, setting_name(key));
	return value != NULL && *value != '\0' && !key_value_is_false(value);
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name); /* byte order, whatever the locale */
}

static int is_hook_name(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && str_ends_with(entry->d_name, ".sh");
}

struct listing {
	char *dir; /* owned */
	struct dirent **entries;
	int count;
};

static void listing_cleanup(struct listing *l)
{
	for (int i = 0; i < l->count; i++)
		free(l->entries[i]);
	free(l->entries);
	free(l->dir);
}

#define _cleanup_listing_ __attribute__((cleanup(listing_cleanup)))

static int list_hooks(
	struct listing *l, const struct hooks_context *ctx, enum setting base, struct error *err)
{
	const char *path = settings_get(ctx->settings, base);
	*l = (struct listing){ 0 };
	if (path == NULL)
		return 0;
	l->dir = path_join(path, "hooks.d");
	int count = scandir(l->dir, &l->entries, is_hook_name, compare_names);
	if (count < 0 && errno != ENOENT && errno != ENOTDIR)
		return error_errno(err, "cannot read %s", l->dir);
	l->count = MAX(count, 0);
	return 0;
}

static int run_builtin(struct hooks_context *ctx, const struct builtin_hook *hook, struct error *err)
{
	if (hook->run(ctx, err) == 0)
		return 0;
	return error_prefix(err, "%s", hook->name);
}

/* One that has no file in hooks.d. */
static int run_unless_off(struct hooks_context *ctx, const struct builtin_hook *hook, struct error *err)
{
	return hook->is_extra && !extra_is_named(ctx, hook->name) ? 0 : run_builtin(ctx, hook, err);
}

static char *executable_path(const char *dir, const char *name)
{
	_cleanup_free_ char *path = path_join(dir, name);
	struct stat st;
	bool runs = stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
	return runs ? steal_pointer(&path) : NULL;
}

static const struct builtin_hook *find_extra(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(builtins); i++) {
		if (builtins[i].is_extra && str_eq(builtins[i].name, name))
			return &builtins[i];
	}
	return NULL;
}

/* Users' files of a built-in's name run in addition to it; a marker enables an extra for its user, too. */
static int run_user_file(struct hooks_context *ctx, const char *dir, const char *name, struct error *err)
{
	_cleanup_free_ char *path = executable_path(dir, name);
	if (path == NULL)
		return 0;
	const struct builtin_hook *extra = find_extra(name);
	return extra != NULL && extra_is_marker(path) ? run_builtin(ctx, extra, err)
						      : external_run(ctx, path, err);
}

/* A file of the system's; BUILTIN is the hook of the same name, which it can replace or switch off. */
static int run_system_file(struct hooks_context *ctx, const char *dir, const char *name,
	const struct builtin_hook *builtin, struct buffer *leftovers, struct error *err)
{
	_cleanup_free_ char *path = executable_path(dir, name);
	if (path == NULL)
		return 0;
	if (builtin != NULL && external_is_leftover(ctx, path)) {
		buffer_printf(leftovers, " %s", name);
		return run_builtin(ctx, builtin, err);
	}
	if (builtin != NULL && extra_is_marker(path))
		return run_builtin(ctx, builtin, err);
	return external_run(ctx, path, err);
}

/* The system's files and the built-ins, merged by name. */
static int run_merged(
	struct hooks_context *ctx, const struct listing *files, struct buffer *leftovers, struct error *err)
{
	unsigned b = 0;
	int f = 0;
	while (b < ARRAY_SIZE(builtins) || f < files->count) {
		int order;
		if (b == ARRAY_SIZE(builtins))
			order = 1;
		else if (f == files->count)
			order = -1;
		else
			order = strcmp(builtins[b].name, files->entries[f]->d_name);
		const struct builtin_hook *builtin = order <= 0 ? &builtins[b++] : NULL;
		int r = order >= 0 ? run_system_file(ctx, files->dir, files->entries[f++]->d_name, builtin,
					     leftovers, err)
				   : run_unless_off(ctx, builtin, err);
		if (r < 0)
			return -1;
	}
	return 0;
}

static int run_system(struct hooks_context *ctx, const struct listing *files, struct error *err)
{
	_cleanup_buffer_ struct buffer leftovers = BUFFER_INIT;
	int r = run_merged(ctx, files, &leftovers, err);
	if (leftovers.len > 0) /* one line a start, however many there are */
		log_warn("In %s,%s: leftovers of another version, which are not run: remove them, or set "
			 "ENROOT_LEGACY_HOOKS=y",
			files->dir, leftovers.data);
	return r;
}

int hooks_run(struct hooks_context *ctx, struct error *err)
{
	_cleanup_listing_ struct listing system = { 0 }, user = { 0 };
	extra_check_names(ctx, builtins, ARRAY_SIZE(builtins));
	if (list_hooks(&system, ctx, SETTING_SYSCONF_PATH, err) < 0 ||
		list_hooks(&user, ctx, SETTING_CONFIG_PATH, err) < 0 || run_system(ctx, &system, err) < 0)
		return -1;
	for (int i = 0; i < user.count; i++) {
		if (run_user_file(ctx, user.dir, user.entries[i]->d_name, err) < 0)
			return -1;
	}
	return 0;
}

static bool has_programs(const struct listing *l)
{
	for (int i = 0; i < l->count; i++) {
		_cleanup_free_ char *path = path_join(l->dir, l->entries[i]->d_name);
		if (!extra_is_marker(path))
			return true;
	}
	return false;
}

bool hooks_have_files(const struct hooks_context *ctx)
{
	_cleanup_error_ struct error ignored = ERROR_INIT;
	_cleanup_listing_ struct listing system = { 0 }, user = { 0 };
	(void)list_hooks(&system, ctx, SETTING_SYSCONF_PATH, &ignored);
	(void)list_hooks(&user, ctx, SETTING_CONFIG_PATH, &ignored);
	return has_programs(&system) || has_programs(&user);
}

static bool is_missing(int root, const char *path)
{
	_cleanup_error_ struct error ignored = ERROR_INIT;
	_cleanup_close_ int fd = resolve_open(root, path, O_PATH, &ignored);
	return fd < 0;
}

bool hooks_add_files(const struct hooks_context *ctx)
{
	static const char *const files[] = { "/etc/passwd", "/etc/group", "/etc/localtime" };
	for (unsigned i = 0; i < ARRAY_SIZE(files); i++) {
		if (is_missing(ctx->root, files[i]))
			return true;
	}
	if (gpu_is_asked_for(ctx)) /* libraries of a driver */
		return true;
	if (ids_are_root(ctx->ids))
		return is_missing(ctx->root, "/root");
	const char *home = strv_env_get(ctx->host, "HOME");
	if (hooks_is_on(ctx, SETTING_MOUNT_HOME) && home != NULL && is_missing(ctx->root, home))
		return true;
	return is_missing(ctx->root, ctx->caller->user.home);
}
