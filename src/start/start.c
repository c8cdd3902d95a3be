#include "start/start.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/memory.h"
#include "hooks/hooks.h"
#include "sandbox/cover.h"
#include "sandbox/environ.h"
#include "sandbox/exec.h"
#include "sandbox/filter.h"
#include "sandbox/mount.h"
#include "sandbox/namespaces.h"
#include "sandbox/privileges.h"
#include "sandbox/root.h"
#include "sandbox/supervise.h"
#include "start/state.h"

#define IMAGE_SCRIPT "/etc/rc"

static bool is_on(const struct start *s, enum setting key)
{
	return settings_is_true(s->settings, key);
}

static bool has_user_namespace(const struct start *s)
{
	return !(is_on(s, SETTING_ALLOW_SUPERUSER) && s->ids.outer_uid == 0);
}

static struct start start_init(const struct start_request *req)
{
	bool root = settings_is_true(req->settings, SETTING_REMAP_ROOT);
	struct ids ids = { .outer_uid = geteuid(), .outer_gid = getegid() };
	ids.inner_uid = root ? 0 : ids.outer_uid;
	ids.inner_gid = root ? 0 : ids.outer_gid;
	return (struct start){
		.req = req,
		.settings = req->settings,
		.ids = ids,
		.image = IMAGE_ROOT_INIT,
		.root = -1,
		.script = -1,
		.scratch = { .settings = req->settings, .fd = -1 },
		.login = LOGIN_INIT,
	};
}

static void start_cleanup(struct start *s)
{
	image_root_cleanup(&s->image);
	cleanup_close(&s->root);
	cleanup_close(&s->script);
	free(s->rootfs);
	strv_cleanup(&s->host);
	strv_cleanup(&s->env);
	fstab_cleanup(&s->fstab);
	fstab_cleanup(&s->hook_mounts);
	cleanup_close(&s->scratch.fd);
	login_cleanup(&s->login);
}

/* What can be wrong with the command line is found before anything is done. */
static int start_check_request(struct start *s, struct error *err)
{
	const struct start_request *req = s->req;
	struct fstab unused _cleanup_fstab_ = FSTAB_INIT;
	for (size_t i = 0; i < req->mounts->count; i++) {
		if (fstab_add_option(&unused, req->mounts->items[i], err) < 0)
			return -1;
	}
	if (req->rc == NULL)
		return 0;
	/* The shell reads it as /proc/self/fd/N: the one descriptor that is meant to be inherited. */
	s->script = open(req->rc, O_RDONLY); // NOLINT(android-cloexec-open)
	if (s->script < 0)
		return error_set(err, errno, "%s: %s", strerror(errno), req->rc);
	return 0;
}

/* The image server stays outside of all that follows. */
static int start_open_image(struct start *s, struct error *err)
{
	if (s->req->image < 0)
		return 0;
	const struct image_request req = {
		.fd = s->req->image,
		.offset = s->req->image_offset,
		.name = s->req->rootfs,
		.keep = s->req->overlay,
	};
	return image_root_begin(&s->image, &req, err);
}

static int start_enter_namespaces(struct start *s, struct error *err)
{
	bool user = has_user_namespace(s);
	struct namespaces ns = {
		.user = user,
		.map_root = is_on(s, SETTING_REMAP_ROOT),
		.mount = true,
		.slave = !user,
		.net = is_on(s, SETTING_UNSHARE_NET),
		.ipc = is_on(s, SETTING_UNSHARE_IPC),
		.uts = is_on(s, SETTING_UNSHARE_UTS),
	};
	if (is_on(s, SETTING_UNSHARE_PID)) {
		/* The supervisor stays out of the container's mount namespace: nothing in there but the container. */
		const struct namespaces first = { .user = user, .map_root = ns.map_root, .pid = true };
		if (image_server_settle(&s->image.server, err) < 0 || namespaces_enter(&first, err) < 0 ||
			supervise_fork(err) < 0)
			return -1;
		ns.user = false;
	}
	return namespaces_enter(&ns, err);
}

static int mount_image(struct start *s, struct error *err)
{
	const struct image_overlay overlay = {
		.scratch = scratch_open(&s->scratch, err),
		.scratch_path = scratch_path(&s->scratch),
		.native = is_on(s, SETTING_NATIVE_OVERLAYFS),
		.size = settings_get(s->settings, SETTING_OVERLAY_SIZE),
	};
	if (overlay.scratch < 0)
		return -1;
	s->has_overlay = true;
	return image_root_mount(&s->image, &overlay, &s->rootfs, err);
}

static int start_mount_root(struct start *s, struct error *err)
{
	s->root = s->req->image >= 0 ? mount_image(s, err) : root_bind(s->req->rootfs, &s->rootfs, err);
	return s->root < 0 ? -1 : 0;
}

static struct hooks_context make_hooks_context(struct start *s)
{
	return (struct hooks_context){
		.settings = s->settings,
		.ids = &s->ids,
		.root = s->root,
		.rootfs = s->rootfs,
		.writable = is_on(s, SETTING_ROOTFS_WRITABLE) || s->has_overlay,
		.host = &s->host,
		.env = &s->env,
		.fstab = &s->hook_mounts,
		.scratch = &s->scratch,
	};
}

/* Will this start want to write into the root filesystem? */
static bool adds_to_root(struct start *s)
{
	const struct hooks_context hooks = make_hooks_context(s);
	if (is_on(s, SETTING_ROOTFS_WRITABLE) || s->req->conf != NULL || s->req->mounts->count > 0 ||
		!root_is_marked(s->root) || hooks_have_files(&hooks) || hooks_add_files(&hooks))
		return true;
	for (size_t i = 0; i < s->fstab.count; i++) {
		if (mount_entry_creates(s->root, &s->fstab.entries[i]))
			return true;
	}
	return false;
}

/* What the caller cannot write is shared: nothing that happens here may reach it. */
static int start_cover_root(struct start *s, struct error *err)
{
	if (!root_is_writable(s->root) && adds_to_root(s)) {
		int scratch = scratch_open(&s->scratch, err);
		int overlay = scratch < 0 ? -1 : cover_mount(s->root, s->rootfs, scratch, err);
		if (overlay < 0)
			return -1;
		close(s->root);
		s->root = overlay;
		s->has_overlay = true;
	}
	return root_mark(s->root, err);
}

static int start_load_environment(struct start *s, struct error *err)
{
	settings_hook_environment(s->settings, &s->host);
	strv_env_set(&s->host, "ENROOT_ROOTFS", s->rootfs);
	char pid[32]; /* as the caller sees it, whose /proc this still is */
	ssize_t n = readlink("/proc/self", pid, sizeof(pid) - 1);
	pid[MAX(n, 0)] = '\0';
	strv_env_set(&s->host, "ENROOT_PID", pid);
	if (start_read_environment(s, err) < 0)
		return -1;
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
		if (!is_on(s, fresh[i].when))
			continue;
		_cleanup_close_ int target =
			mount_open_target(s->root, fresh[i].target, FSTAB_CREATE_DIR, err);
		if (target < 0 ||
			mount_filesystem(fresh[i].type, target, fresh[i].type, fresh[i].flags, NULL, err) < 0)
			return error_prefix(err, "%s", fresh[i].target);
	}
	return 0;
}

static int start_mount_system(struct start *s, struct error *err)
{
	if (mount_pass(s->root, &s->fstab, FSTAB_PASS_SYSTEM, err) < 0)
		return -1;
	return mount_fresh(s, err);
}

static int start_run_hooks(struct start *s, struct error *err)
{
	struct hooks_context hooks = make_hooks_context(s);
	return hooks_run(&hooks, err);
}

static int start_mount_user(struct start *s, struct error *err)
{
	for (size_t i = 0; i < s->req->mounts->count; i++) {
		if (fstab_add_option(&s->fstab, s->req->mounts->items[i], err) < 0)
			return -1;
	}
	if (mount_pass(s->root, &s->hook_mounts, FSTAB_PASS_USER, err) < 0)
		return -1;
	return mount_pass(s->root, &s->fstab, FSTAB_PASS_USER, err);
}

static int start_choose_script(struct start *s, struct error *err)
{
	(void)s;
	(void)err;
	return 0;
}

static int start_seal_root(struct start *s, struct error *err)
{
	return root_seal(s->root, is_on(s, SETTING_ROOTFS_WRITABLE), err);
}

static int start_pivot(struct start *s, struct error *err)
{
	if (root_pivot(s->root, err) < 0)
		return -1;
	bool keep = ids_are_root(&s->ids) || !has_user_namespace(s);
	if (privileges_drop(keep, err) < 0)
		return -1;
	return has_user_namespace(s) ? filter_install(err) : 0;
}

/* Returns 1 when the command is not to be run. */
static int start_log_in(struct start *s, struct error *err)
{
	if (!is_on(s, SETTING_LOGIN_SHELL))
		return 0;
	s->login.root = s->root;
	s->login.ids = &s->ids;
	s->login.env = &s->env;
	login_set_environment(&s->login);
	if (login_is_closed(&s->login))
		return 1;
	if (login_set_limits(&s->login, err) < 0 || login_enter_home(&s->login, err) < 0)
		return -1;
	return 0;
}

static int start_exec(struct start *s, struct error *err)
{
	const char *const shells[] = { s->login.defs.values[DEF_FAKE_SHELL], strv_env_get(&s->env, "SHELL") };
	char descriptor[32];
	struct exec_request exec = {
		.shell = exec_choose_shell(shells, ARRAY_SIZE(shells)),
		.login = is_on(s, SETTING_LOGIN_SHELL),
		.command = s->req->command,
	};
	if (s->script >= 0) {
		snprintf(descriptor, sizeof(descriptor), "/proc/self/fd/%d", s->script);
		exec.script = descriptor;
	} else if (access(IMAGE_SCRIPT, F_OK) == 0) {
		exec.script = IMAGE_SCRIPT;
	} else if (exec.command[0] == NULL && exec.login) {
		login_print_motd(&s->login);
	}
	if (privileges_close_descriptors(s->script, err) < 0)
		return -1;
	return exec_run(&exec, &s->env, err);
}

int start_run(const struct start_request *req, struct error *err)
{
	_cleanup_start_ struct start s = start_init(req);

	if (start_check_request(&s, err) < 0 || start_open_image(&s, err) < 0 ||
		start_enter_namespaces(&s, err) < 0 || /* user, mount and those asked for */
		start_mount_root(&s, err) < 0 || start_load_environment(&s, err) < 0 ||
		start_read_mounts(&s, err) < 0 ||
		start_cover_root(&s, err) < 0 || /* an overlay, where something is to be added and may not */
		start_mount_system(&s, err) < 0 || /* before the hooks: they look below the root */
		start_run_hooks(&s, err) < 0 ||
		start_mount_user(&s, err) < 0 ||    /* after the hooks: users may undo what they did */
		start_choose_script(&s, err) < 0 || /* the image's, the conf file's or the one of --rc */
		start_seal_root(&s, err) <
			0 ||              /* read-only, when everything that is missing has been added */
		start_pivot(&s, err) < 0) /* and drop what the container must not have */
		return -1;
	int r = start_log_in(&s, err);
	if (r != 0)
		return r < 0 ? -1 : 0;
	return start_exec(&s, err); /* returns only on failure */
}
