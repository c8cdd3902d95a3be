#include "sandbox/login.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/str.h"
#include "rootfs/resolve.h"
#include "sandbox/passwd.h"
#include "sandbox/rootfile.h"

#define DEFAULT_PATH      "/usr/local/bin:/bin:/usr/bin"
#define DEFAULT_ROOT_PATH "/bin:/usr/bin:/sbin:/usr/sbin"
#define FILE_SIZE_UNIT    512 /* of ULIMIT, login.defs(5) */

void login_cleanup(struct login *l)
{
	defs_cleanup(&l->defs);
}

static void set_unless_set(struct strv *env, const char *key, const char *value)
{
	if (strv_env_get(env, key) == NULL)
		strv_env_set(env, key, value);
}

/* "PATH=/bin" and "TZ=UTC" may repeat the variable's name. */
static const char *skip_prefix(const char *value, const char *prefix)
{
	return str_starts_with(value, prefix) ? value + strlen(prefix) : value;
}

static void set_path(struct login *l)
{
	bool root = ids_are_root(l->ids);
	const char *path = l->defs.values[root ? DEF_ENV_SUPATH : DEF_ENV_PATH];
	if (path != NULL)
		path = skip_prefix(path, "PATH=");
	else
		path = root ? DEFAULT_ROOT_PATH : DEFAULT_PATH;
	set_unless_set(l->env, "PATH", path);
}

/* USER, HOME and SHELL are who one is inside, LOGNAME who one came as. */
static void set_user(struct login *l)
{
	_cleanup_user_ struct user inner = USER_INIT, outer = USER_INIT;
	_cleanup_free_ char *text = rootfile_read_optional(l->root, "/etc/passwd");
	if (text != NULL && passwd_find_uid(text, l->ids->inner_uid, &inner)) {
		set_unless_set(l->env, "HOME", inner.home[0] != '\0' ? inner.home : "/");
		set_unless_set(l->env, "SHELL", inner.shell[0] != '\0' ? inner.shell : "/bin/sh");
		set_unless_set(l->env, "USER", inner.name);
	}
	if (text != NULL && passwd_find_uid(text, l->ids->outer_uid, &outer))
		set_unless_set(l->env, "LOGNAME", outer.name);
	set_unless_set(l->env, "HOME", "/");
	set_unless_set(l->env, "SHELL", "/bin/sh");
	set_unless_set(l->env, "TERM", "dumb");
}

static void set_time_zone(struct login *l)
{
	const char *zone = l->defs.values[DEF_ENV_TZ];
	if (zone == NULL)
		return;
	_cleanup_free_ char *text = NULL;
	if (zone[0] == '/') { /* a file whose first line says it */
		text = rootfile_read_optional(l->root, zone);
		if (text == NULL)
			return;
		text[strcspn(text, "\r\n")] = '\0';
		zone = text;
	}
	set_unless_set(l->env, "TZ", skip_prefix(zone, "TZ="));
}

static void set_mail(struct login *l)
{
	if (!defs_is_true(&l->defs, DEF_MAIL_CHECK_ENAB, false))
		return;
	const char *user = strv_env_get(l->env, "USER");
	const char *dir = l->defs.values[DEF_MAIL_DIR], *file = l->defs.values[DEF_MAIL_FILE];
	_cleanup_free_ char *mail = NULL;
	if (dir == NULL && file != NULL)
		mail = path_join(strv_env_get(l->env, "HOME"), file);
	else if (user != NULL)
		mail = path_join(dir != NULL ? dir : "/var/mail", user);
	if (mail != NULL)
		set_unless_set(l->env, "MAIL", mail);
}

/* locale.conf(5): KEY=VALUE, values may be quoted. LC_ALL has no place there. */
static void set_locale(struct login *l)
{
	_cleanup_free_ char *text = rootfile_read_optional(l->root, "/etc/locale.conf");
	if (text == NULL)
		return;
	const char *cursor = text;
	size_t len;
	for (const char *line; (line = passwd_next_line(&cursor, &len)) != NULL;) {
		_cleanup_free_ char *copy = xstrndup(line, len);
		char *value = strchr(copy, '=');
		if (value == NULL)
			continue;
		*value++ = '\0';
		value += strspn(value, "\"'");
		value[strcspn(value, "\"' \t\r")] = '\0';
		if (str_eq(copy, "LANG") || str_eq(copy, "LANGUAGE") ||
			(str_starts_with(copy, "LC_") && !str_eq(copy, "LC_ALL")))
			set_unless_set(l->env, copy, value);
	}
}

void login_set_environment(struct login *l)
{
	_cleanup_free_ char *text = rootfile_read_optional(l->root, "/etc/login.defs");
	if (text != NULL)
		defs_parse(&l->defs, text);
	set_path(l);
	set_user(l);
	set_time_zone(l);
	set_mail(l);
	set_locale(l);
}

bool login_is_closed(const struct login *l)
{
	if (ids_are_root(l->ids))
		return false;
	const char *path = l->defs.values[DEF_NOLOGINS_FILE];
	_cleanup_free_ char *text =
		rootfile_read_optional(l->root, path != NULL && *path != '\0' ? path : "/etc/nologin");
	if (text == NULL)
		return false;
	(void)fd_write_full(STDOUT_FILENO, text, strlen(text));
	log_warn("the command was not run: the container is closed to ordinary users by its %s",
		path != NULL ? path : "/etc/nologin");
	return true;
}

/* USERGROUPS_ENAB: a user alone in the group of the same name shares with it what he keeps for himself. */
static bool has_own_group(const struct login *l)
{
	const char *user = strv_env_get(l->env, "USER");
	if (user == NULL || l->ids->inner_uid != l->ids->inner_gid)
		return false;
	_cleanup_free_ char *text = rootfile_read_optional(l->root, "/etc/group");
	_cleanup_free_ char *group = text != NULL ? group_find_gid(text, l->ids->inner_gid) : NULL;
	return group != NULL && str_eq(group, user);
}

int login_set_limits(const struct login *l, struct error *err)
{
	long mask, blocks;
	if (defs_number(&l->defs, DEF_UMASK, &mask) && mask >= 0 && mask <= 0777) {
		if (!ids_are_root(l->ids) && defs_is_true(&l->defs, DEF_USERGROUPS_ENAB, false) &&
			has_own_group(l))
			mask = (mask & ~070) | ((mask >> 3) & 070);
		umask((mode_t)mask);
	}
	if (defs_number(&l->defs, DEF_ULIMIT, &blocks)) {
		rlim_t size = blocks < 0 ? RLIM_INFINITY : (rlim_t)blocks * FILE_SIZE_UNIT;
		const struct rlimit limit = { .rlim_cur = size, .rlim_max = size };
		if (setrlimit(RLIMIT_FSIZE, &limit) < 0 && errno != EPERM) /* EPERM: the host allows less */
			return error_errno(err, "failed to set the limit on file sizes");
	}
	return 0;
}

int login_enter_home(const struct login *l, struct error *err)
{
	const char *home = strv_env_get(l->env, "HOME");
	if (chdir(home) == 0)
		return 0;
	error_errno(err, "failed to change directory: %s", home);
	if (!defs_is_true(&l->defs, DEF_DEFAULT_HOME, false))
		return -1;
	error_clear(err);
	return chdir("/") == 0 ? 0 : error_errno(err, "failed to change directory: /");
}

/* HUSHLOGIN_FILE: an absolute one lists users or shells, a relative one need only be in HOME. */
bool login_is_hushed(const struct login *l)
{
	const char *file = l->defs.values[DEF_HUSHLOGIN_FILE];
	if (file == NULL || *file == '\0')
		return false;
	if (file[0] != '/') {
		_cleanup_free_ char *path = path_join(strv_env_get(l->env, "HOME"), file);
		_cleanup_error_ struct error ignored = ERROR_INIT;
		_cleanup_close_ int fd = resolve_open(l->root, path, O_PATH, &ignored);
		return fd >= 0;
	}
	_cleanup_free_ char *text = rootfile_read_optional(l->root, file);
	const char *cursor = text != NULL ? text : "";
	const char *user = strv_env_get(l->env, "USER"), *shell = strv_env_get(l->env, "SHELL");
	size_t len;
	for (const char *line; (line = passwd_next_line(&cursor, &len)) != NULL;) {
		_cleanup_free_ char *name = xstrndup(line, len);
		if ((user != NULL && str_eq(name, user)) || str_eq(name, shell))
			return true;
	}
	return text != NULL && *text == '\0'; /* an empty list hushes all */
}

void login_print_motd(const struct login *l)
{
	const char *list = l->defs.values[DEF_MOTD_FILE];
	if (list == NULL || login_is_hushed(l))
		return;
	_cleanup_strv_ struct strv files = STRV_INIT;
	strv_split(&files, list, ':');
	for (size_t i = 0; i < files.count; i++) {
		_cleanup_free_ char *text = rootfile_read_optional(l->root, files.items[i]);
		if (text != NULL)
			(void)fd_write_full(STDOUT_FILENO, text, strlen(text));
	}
}
