#include "start/start.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "sandbox/exec.h"
#include "sandbox/filter.h"
#include "sandbox/namespaces.h"
#include "sandbox/privileges.h"
#include "sandbox/root.h"
#include "sandbox/supervise.h"
#include "start/state.h"

bool start_is_on(const struct start *s, enum setting key)
{
	return settings_is_true(s->settings, key);
}

static bool has_user_namespace(const struct start *s)
{
	return !(start_is_on(s, SETTING_ALLOW_SUPERUSER) && s->ids.outer_uid == 0);
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
		.conf = CONF_INIT,
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
	conf_end(&s->conf);
	hooks_caller_cleanup(&s->caller);
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

static int start_find_caller(struct start *s, struct error *err)
{
	(void)err;
	hooks_caller_load(&s->caller, &s->ids);
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
		.map_root = start_is_on(s, SETTING_REMAP_ROOT),
		.mount = true,
		.slave = !user,
		.net = start_is_on(s, SETTING_UNSHARE_NET),
		.ipc = start_is_on(s, SETTING_UNSHARE_IPC),
		.uts = start_is_on(s, SETTING_UNSHARE_UTS),
	};
	if (start_is_on(s, SETTING_UNSHARE_PID)) {
		/* The supervisor stays out of the container's mount namespace: nothing in there but the container. */
		const struct namespaces first = { .user = user, .map_root = ns.map_root, .pid = true };
		if (image_server_settle(&s->image.server, err) < 0 || namespaces_enter(&first, err) < 0 ||
			supervise_fork(s->req->channel, err) < 0)
			return -1;
		ns.user = false;
	}
	return namespaces_enter(&ns, err);
}

static int start_seal_root(struct start *s, struct error *err)
{
	return root_seal(s->root, start_is_on(s, SETTING_ROOTFS_WRITABLE), err);
}

static int start_pivot(struct start *s, struct error *err)
{
	int r = root_pivot(s->root, err);
	if (r <= 0 || !has_user_namespace(s) || !ids_are_root(&s->ids))
		return MIN(r, 0);
	/* Mounts that come from another user namespace's cannot be taken apart, mount_namespaces(7). */
	const struct namespaces locked = { .user = true, .map_root = true, .mount = true };
	return namespaces_enter(&locked, err);
}

static int start_drop_privileges(struct start *s, struct error *err)
{
	bool keep = ids_are_root(&s->ids) || !has_user_namespace(s);
	if (privileges_drop(keep, err) < 0)
		return -1;
	return has_user_namespace(s) ? filter_install(err) : 0;
}

static int start_log_in(struct start *s, struct error *err)
{
	if (!start_is_on(s, SETTING_LOGIN_SHELL))
		return 0;
	s->login.root = s->root;
	s->login.ids = &s->ids;
	s->login.env = &s->env;
	login_set_environment(&s->login);
	s->is_closed = login_is_closed(&s->login);
	if (s->is_closed)
		return 0;
	if (login_set_limits(&s->login, err) < 0 || login_enter_home(&s->login, err) < 0)
		return -1;
	return 0;
}

/*
 * What fails in a shell on a read-only root filesystem says so itself, but not what helps; and then nothing of us is
 * left that could. So the one who is about to type is told before.
 */
static void hint_at_read_only(const struct start *s)
{
	bool is_typing =
		s->req->command[0] == NULL && s->script < 0 && isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
	if (is_typing && !start_is_on(s, SETTING_ROOTFS_WRITABLE) && !login_is_hushed(&s->login))
		log_info("the root filesystem is read-only: to change it, start with --rw");
}

static int start_exec(struct start *s, struct error *err)
{
	if (s->is_closed)
		return 0;
	const char *const shells[] = { s->login.defs.values[DEF_FAKE_SHELL], strv_env_get(&s->env, "SHELL") };
	char descriptor[32];
	struct exec_request exec = {
		.shell = exec_choose_shell(shells, ARRAY_SIZE(shells)),
		.login = start_is_on(s, SETTING_LOGIN_SHELL),
		.command = s->req->command,
	};
	if (s->script >= 0) {
		snprintf(descriptor, sizeof(descriptor), "/proc/self/fd/%d", s->script);
		exec.script = descriptor;
	} else if (access(EXEC_IMAGE_SCRIPT, F_OK) == 0) {
		exec.script = EXEC_IMAGE_SCRIPT;
	} else if (exec.command[0] == NULL && exec.login) {
		login_print_motd(&s->login);
	}
	hint_at_read_only(s);
	if (privileges_close_descriptors(s->script, err) < 0)
		return -1;
	(void)exec_run(&exec, &s->env, err);
	return err->code == ENOENT && start_lacks_shell(exec.shell) ? start_exec_directly(s, exec.shell, err)
								    : -1;
}

/* The order is that of doc/architecture.md; each leaves what the next ones need in the state. */
static const struct {
	int (*run)(struct start *s, struct error *err);
} stages[] = {
	{ start_check_request },    /* what can be wrong with it is found before anything is done */
	{ start_find_caller },      /* before there are namespaces: name services may ask who asks */
	{ start_open_image },       /* the image server stays outside of all that follows */
	{ start_enter_namespaces }, /* user, mount, and those asked for */
	{ start_mount_root },       /* a directory bound on itself, or image and overlay */
	{ start_source_conf },      /* the conf script, which lives until the script is chosen */
	{ start_load_environment }, /* the image's, the system's, the user's, environ(), -e */
	{ start_read_mounts },      /* in the same order */
	{ start_cover_root },       /* an overlay, where something is to be added and may not */
	{ start_mount_system },     /* before the hooks: they look below the root */
	{ start_run_hooks },        /* built-in, hooks.d, hooks() */
	{ start_mount_user },       /* after the hooks: users may undo what they did */
	{ start_choose_script },    /* --rc, rc(), or the image's own */
	{ start_seal_root },        /* read-only, when everything that was missing has been added */
	{ start_pivot },            /* from here on there is only the container */
	{ start_drop_privileges },  /* capabilities, cgroup namespace, filter */
	{ start_log_in },           /* by the container's files */
	{ start_exec },             /* returns only on failure, or where nothing is to be run */
};

/*
 * The root filesystem itself is writable until it is sealed, so that what is read-only before is another mount. A
 * command that fails on a sealed one says so itself: nothing of us is left then that could (doc/start.md).
 */
static int explain(struct error *err)
{
	return err->code == EROFS ? error_hint(err, "that place lies on a read-only mount: choose another")
				  : -1;
}

int start_run(const struct start_request *req, struct error *err)
{
	_cleanup_start_ struct start s = start_init(req);

	for (unsigned i = 0; i < ARRAY_SIZE(stages); i++) {
		if (stages[i].run(&s, err) < 0)
			return explain(err);
	}
	return 0;
}
