/* The stages that fit the root filesystem out: conf script, environment, mounts, hooks. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/paths.h"
#include "sandbox/environ.h"
#include "sandbox/mount.h"
#include "start/state.h"

struct hooks_context start_hooks_context(struct start *s)
{
	return (struct hooks_context){
		.settings = s->settings,
		.ids = &s->ids,
		.caller = &s->caller,
		.root = s->root,
		.rootfs = s->rootfs,
		.writable = start_is_on(s, SETTING_ROOTFS_WRITABLE) || s->has_overlay,
		.host = &s->host,
		.env = &s->env,
		.fstab = &s->hook_mounts,
		.scratch = &s->scratch,
	};
}

/* What ${VAR} means in our files, and what scripts and hooks see. */
static void set_host_environment(struct start *s)
{
	const char *runtime = scratch_path(&s->scratch);
	char pid[32];
	snprintf(pid, sizeof(pid), "%d", getpid());
	if (start_is_on(s, SETTING_UNSHARE_PID)) { /* as the caller sees it, whose /proc this still is */
		ssize_t n = readlink("/proc/self", pid, sizeof(pid) - 1);
		pid[MAX(n, 0)] = '\0';
	}

	settings_hook_environment(s->settings, &s->host);
	strv_env_set(&s->host, "ENROOT_PID", pid);
	strv_env_set(&s->host, "ENROOT_ROOTFS", s->rootfs);
	if (runtime != NULL) {
		_cleanup_free_ char *environment = path_join(runtime, HOOKS_ENVIRON_FILE);
		_cleanup_free_ char *mounts = path_join(runtime, HOOKS_MOUNTS_FILE);
		strv_env_set(&s->host, "ENROOT_ENVIRON", environment);
		strv_env_set(&s->host, "ENROOT_MOUNTS", mounts);
	}
}

int start_source_conf(struct start *s, struct error *err)
{
	set_host_environment(s);
	if (s->req->conf == NULL)
		return 0;
	struct hooks_context hooks = start_hooks_context(s);
	if (hooks_write_files(&hooks, err) < 0)
		return -1;
	return conf_begin(&s->conf, s->req->conf, &s->scratch, s->req->command, &s->host, err);
}

int start_load_environment(struct start *s, struct error *err)
{
	_cleanup_free_ char *printed = NULL;
	if (start_read_environment(s, err) < 0 || conf_call(&s->conf, "environ", &s->host, &printed, err) < 0)
		return -1;
	environ_parse_output(&s->env, printed, strlen(printed), s->host.items);
	for (size_t i = 0; i < s->req->env->count; i++) {
		if (environ_add_option(&s->env, s->req->env->items[i], s->host.items, err) < 0)
			return -1;
	}
	return 0;
}

static const struct {
	enum setting when;
	const char *type, *target;
	unsigned long flags;
} fresh[] = {
	{ SETTING_UNSHARE_PID, "proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC },
	{ SETTING_UNSHARE_NET, "sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY },
};

/* Those that show a namespace's own state are mounted anew for a new namespace. */
static int mount_fresh(struct start *s, struct error *err)
{
	for (unsigned i = 0; i < ARRAY_SIZE(fresh); i++) {
		if (!start_is_on(s, fresh[i].when))
			continue;
		_cleanup_close_ int target =
			mount_open_target(s->root, fresh[i].target, FSTAB_CREATE_DIR, err);
		if (target < 0 ||
			mount_filesystem(fresh[i].type, target, fresh[i].type, fresh[i].flags, NULL, err) < 0)
			return error_prefix(err, "%s", fresh[i].target);
	}
	return 0;
}

int start_mount_system(struct start *s, struct error *err)
{
	if (mount_pass(s->root, &s->fstab, FSTAB_PASS_SYSTEM, err) < 0)
		return -1;
	return mount_fresh(s, err);
}

int start_run_hooks(struct start *s, struct error *err)
{
	struct hooks_context hooks = start_hooks_context(s);
	if (hooks_run(&hooks, err) < 0)
		return -1;
	if (s->req->conf != NULL) { /* its hooks() is one more program of hooks.d, in another process */
		if (hooks_write_files(&hooks, err) < 0 ||
			conf_call(&s->conf, "hooks", &s->host, NULL, err) < 0 ||
			hooks_read_environment(&hooks, err) < 0)
			return -1;
	}
	return hooks_read_mounts(&hooks, err);
}

int start_mount_user(struct start *s, struct error *err)
{
	_cleanup_free_ char *printed = NULL;
	if (mount_pass(s->root, &s->hook_mounts, FSTAB_PASS_USER, err) < 0 ||
		conf_call(&s->conf, "mounts", &s->host, &printed, err) < 0 ||
		fstab_parse(&s->fstab, printed, strlen(printed), "mounts()", NULL, err) < 0)
		return -1;
	for (size_t i = 0; i < s->req->mounts->count; i++) {
		if (fstab_add_option(&s->fstab, s->req->mounts->items[i], err) < 0)
			return -1;
	}
	return mount_pass(s->root, &s->fstab, FSTAB_PASS_USER, err);
}

int start_choose_script(struct start *s, struct error *err)
{
	_cleanup_free_ char *body = NULL;
	if (s->script < 0 && conf_take_rc(&s->conf, &s->host, &body, err) < 0)
		return -1;
	conf_end(&s->conf);
	if (body == NULL)
		return 0;
	/* Inherited on purpose, as the one of --rc is. */
	s->script = memfd_create("rc", 0); // NOLINT(android-cloexec-memfd-create)
	if (s->script < 0 || fd_write_full(s->script, body, strlen(body)) < 0)
		return error_errno(err, "cannot write the command script");
	return 0;
}
