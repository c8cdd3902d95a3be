#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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
#include "sandbox/filter.h"
#include "sandbox/namespaces.h"
#include "sandbox/nsenter.h"
#include "sandbox/supervise.h"

extern char **environ;

static const char usage[] =
	"Usage: enroot-nsenter [options] [--] COMMAND [ARG...]\n"
	"\n"
	"Run a command in new namespaces, or in those of a process.\n"
	"\n"
	" Options:\n"
	"       --target PID    Join the namespaces of a process (all of them, if none is named)\n"
	"       --user          User namespace\n"
	"       --pid           PID namespace\n"
	"       --mount         Mount namespace\n"
	"       --net           Network namespace\n"
	"       --ipc           IPC namespace\n"
	"       --uts           UTS namespace\n"
	"       --remap-root    Be root in the new user namespace\n"
	"       --envfile FILE  Take the environment from a file\n"
	"       --envfd FD      Take the environment from a descriptor\n"
	"       --workdir DIR   Change to a directory\n"
	"   -h, --help          Show this text\n";

struct request {
	const char *target, *envfile, *envfd, *workdir;
	bool remap_root;
	bool namespaces[NSENTER_COUNT];
};

static int load_environment(const struct request *req, struct strv *env, struct error *err)
{
	uint64_t number = 0;
	if (req->envfd != NULL && (!str_parse_u64(req->envfd, &number) || number > INT_MAX))
		return error_set(err, EINVAL, "%s is not a descriptor: Invalid argument", req->envfd);
	_cleanup_close_ int fd = req->envfd != NULL ? fcntl((int)number, F_DUPFD_CLOEXEC, 3)
						    : open(req->envfile, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	if (fd < 0 || fd_read_all(fd, ENVIRON_MAX_BYTES, &text, &len) < 0)
		return error_errno(
			err, "cannot read %s", req->envfd != NULL ? "the environment" : req->envfile);
	environ_parse_output(env, text, len, NULL);
	return 0;
}

static int join(const struct request *req, struct error *err)
{
	uint64_t pid;
	if (!str_parse_u64(req->target, &pid) || pid == 0 || pid > INT_MAX)
		return error_set(err, EINVAL, "%s is not a process: Invalid argument", req->target);
	unsigned wanted = 0;
	for (unsigned i = 0; i < NSENTER_COUNT; i++)
		wanted |= req->namespaces[i] ? 1u << i : 0;
	_cleanup_nsenter_ struct nsenter target = NSENTER_INIT;
	if (nsenter_open(&target, (pid_t)pid, wanted != 0 ? wanted : NSENTER_ALL, err) < 0)
		return -1;
	bool user = target.namespaces[NSENTER_USER] >= 0;
	if (nsenter_join(&target, err) < 0)
		return -1;
	return user ? filter_install(err) : 0;
}

static int create(const struct request *req, struct error *err)
{
	const struct namespaces ns = {
		.user = req->namespaces[NSENTER_USER],
		.map_root = req->remap_root,
		.mount = req->namespaces[NSENTER_MOUNT],
		.slave = req->namespaces[NSENTER_MOUNT] && !req->namespaces[NSENTER_USER],
		.pid = req->namespaces[NSENTER_PID],
		.net = req->namespaces[NSENTER_NET],
		.ipc = req->namespaces[NSENTER_IPC],
		.uts = req->namespaces[NSENTER_UTS],
	};
	if (namespaces_enter(&ns, err) < 0 || (ns.pid && supervise_fork(0, err) < 0))
		return -1;
	return ns.user ? filter_install(err) : 0;
}

static int run(const struct request *req, char *argv[], struct error *err)
{
	static char *nothing[] = { NULL };
	_cleanup_strv_ struct strv env = STRV_INIT;
	bool has_environment = req->envfile != NULL || req->envfd != NULL;
	if (has_environment && load_environment(req, &env, err) < 0)
		return -1;
	if ((req->target != NULL ? join(req, err) : create(req, err)) < 0)
		return -1;
	if (req->workdir != NULL && chdir(req->workdir) < 0)
		return error_errno(err, "failed to change directory: %s", req->workdir);
	if (has_environment)
		environ = env.items != NULL ? env.items : nothing;
	execvp(argv[0], argv);
	return error_errno(err, "failed to execute: %s", argv[0]);
}

int helper_nsenter(int argc, char *argv[])
{
	struct request req = { 0 };
	const struct option_spec specs[] = {
		{ 0, "target", OPTION_STRING, &req.target },
		{ 0, "user", OPTION_FLAG, &req.namespaces[NSENTER_USER] },
		{ 0, "pid", OPTION_FLAG, &req.namespaces[NSENTER_PID] },
		{ 0, "mount", OPTION_FLAG, &req.namespaces[NSENTER_MOUNT] },
		{ 0, "net", OPTION_FLAG, &req.namespaces[NSENTER_NET] },
		{ 0, "ipc", OPTION_FLAG, &req.namespaces[NSENTER_IPC] },
		{ 0, "uts", OPTION_FLAG, &req.namespaces[NSENTER_UTS] },
		{ 0, "remap-root", OPTION_FLAG, &req.remap_root },
		{ 0, "envfile", OPTION_STRING, &req.envfile },
		{ 0, "envfd", OPTION_STRING, &req.envfd },
		{ 0, "workdir", OPTION_STRING, &req.workdir },
	};
	int first;
	int status = options_parse_or_usage(argc, argv, specs, ARRAY_SIZE(specs), usage, 1, -1, &first);
	if (status >= 0)
		return status;
	_cleanup_error_ struct error err = ERROR_INIT;
	run(&req, argv + first, &err);
	helper_log_failure("enroot-nsenter", &err);
	return 1;
}
