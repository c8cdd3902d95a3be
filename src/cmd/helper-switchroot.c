#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/str.h"
#include "cmd/helper-log.h"
#include "cmd/helpers.h"
#include "sandbox/environ.h"
#include "sandbox/exec.h"
#include "sandbox/login.h"
#include "sandbox/privileges.h"
#include "sandbox/root.h"

extern char **environ;

static const char usage[] =
	"Usage: enroot-switchroot [options] [--] ROOTFS [COMMAND] [ARG...]\n"
	"\n"
	"Make a mounted root filesystem the root directory, give up privileges and run a command.\n"
	"\n"
	" Options:\n"
	"       --norc          Do not run the root filesystem's /etc/rc\n"
	"       --login         Log in: read the root filesystem's login.defs, run a login shell\n"
	"       --rcfile FILE   Run a script in place of /etc/rc\n"
	"       --envfile FILE  Take the environment from a file\n"
	"       --workdir DIR   Change to a directory of the root filesystem\n"
	"   -h, --help          Show this text\n";

struct request {
	const char *rcfile, *envfile, *workdir;
	bool norc, login;
};

struct switching {
	int root, script; /* the script is inherited: the shell reads it as /proc/self/fd/N */
	struct ids ids;
	struct strv env;
	struct login login;
};

/* The id outside of this user namespace, as far as the namespace tells. */
static unsigned outer_id(const char *map, unsigned inner)
{
	_cleanup_fclose_ FILE *f = fopen(map, "re");
	unsigned inside, outside, count;
	while (f != NULL && fscanf(f, "%u %u %u", &inside, &outside, &count) == 3) {
		if (inner >= inside && inner - inside < count)
			return outside + (inner - inside);
	}
	return inner;
}

static int load_environment(const char *file, struct strv *env, struct error *err)
{
	if (file == NULL) {
		for (char **e = environ; *e != NULL; e++)
			strv_push(env, *e);
		return 0;
	}
	_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	if (fd < 0 || fd_read_all(fd, ENVIRON_MAX_BYTES, &text, &len) < 0)
		return error_errno(err, "cannot read %s", file);
	environ_parse_output(env, text, len, NULL);
	return 0;
}

static int open_all(const struct request *req, const char *rootfs, struct switching *s, struct error *err)
{
	s->root = open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->root < 0)
		return error_errno(err, "cannot open %s", rootfs);
	if (req->rcfile != NULL) {
		s->script = open(req->rcfile, O_RDONLY); // NOLINT(android-cloexec-open)
		if (s->script < 0)
			return error_errno(err, "cannot open %s", req->rcfile);
	}
	return load_environment(req->envfile, &s->env, err);
}

/* Returns 1 when the command is not to be run. */
static int log_in(const struct request *req, struct switching *s, struct error *err)
{
	if (!req->login)
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

static int run_shell(const struct request *req, struct switching *s, char *command[], struct error *err)
{
	const char *const shells[] = { s->login.defs.values[DEF_FAKE_SHELL], strv_env_get(&s->env, "SHELL") };
	char script[32];
	struct exec_request exec = {
		.shell = exec_choose_shell(shells, ARRAY_SIZE(shells)),
		.login = req->login,
		.command = command,
	};
	if (s->script >= 0) {
		snprintf(script, sizeof(script), "/proc/self/fd/%d", s->script);
		exec.script = script;
	} else if (!req->norc && access(EXEC_IMAGE_SCRIPT, F_OK) == 0) {
		exec.script = EXEC_IMAGE_SCRIPT;
	}
	return exec_run(&exec, &s->env, err);
}

static int run(const struct request *req, char *operands[], struct switching *s, struct error *err)
{
	s->ids.inner_uid = geteuid();
	s->ids.inner_gid = getegid();
	s->ids.outer_uid = outer_id("/proc/self/uid_map", s->ids.inner_uid);
	s->ids.outer_gid = outer_id("/proc/self/gid_map", s->ids.inner_gid);
	if (open_all(req, operands[0], s, err) < 0 || root_pivot(s->root, err) < 0 ||
		privileges_drop(ids_are_root(&s->ids), err) < 0)
		return -1;
	int r = log_in(req, s, err);
	if (r != 0)
		return r < 0 ? -1 : 0;
	if (req->workdir != NULL && chdir(req->workdir) < 0)
		return error_errno(err, "failed to change directory: %s", req->workdir);
	return run_shell(req, s, operands + 1, err);
}

int helper_switchroot(int argc, char *argv[])
{
	struct request req = { 0 };
	const struct option_spec specs[] = {
		{ 0, "norc", OPTION_FLAG, &req.norc },
		{ 0, "login", OPTION_FLAG, &req.login },
		{ 0, "rcfile", OPTION_STRING, &req.rcfile },
		{ 0, "envfile", OPTION_STRING, &req.envfile },
		{ 0, "workdir", OPTION_STRING, &req.workdir },
	};
	int first;
	int status = options_parse_or_usage(argc, argv, specs, ARRAY_SIZE(specs), usage, 1, -1, &first);
	if (status >= 0)
		return status;
	struct switching s = { .root = -1, .script = -1, .login = LOGIN_INIT };
	_cleanup_error_ struct error err = ERROR_INIT;
	status = run(&req, argv + first, &s, &err) < 0 ? 1 : 0;
	if (status != 0)
		helper_log_failure("enroot-switchroot", &err);
	cleanup_close(&s.root);
	cleanup_close(&s.script);
	strv_cleanup(&s.env);
	login_cleanup(&s.login);
	return status;
}
