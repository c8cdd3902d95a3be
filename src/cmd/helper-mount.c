#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/options.h"
#include "base/str.h"
#include "cmd/helper-log.h"
#include "cmd/helpers.h"
#include "sandbox/mount.h"

static const char usage[] = "Usage: enroot-mount [--root DIR] [--pass NUM] FSTAB...|-\n"
			    "\n"
			    "Mount what mount files say inside a root filesystem.\n"
			    "\n"
			    " Options:\n"
			    "       --root DIR  The root filesystem (default: /)\n"
			    "       --pass NUM  Mount the lines of this pass (default: 0)\n"
			    "   -h, --help      Show this text\n";

struct request {
	const char *root, *pass;
	int pass_number;
};

static int load(struct fstab *t, const char *path, struct error *err)
{
	bool is_stdin = str_eq(path, "-");
	_cleanup_close_ int fd = is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
					  : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return error_errno(err, "cannot open %s", path);
	return fstab_load(t, fd, is_stdin ? "stdin" : path, NULL, err);
}

static int run(const struct request *req, char *files[], struct error *err)
{
	_cleanup_close_ int root = open(req->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return error_errno(err, "cannot open %s", req->root);
	for (; *files != NULL; files++) {
		_cleanup_fstab_ struct fstab t = FSTAB_INIT;
		if (load(&t, *files, err) < 0 || mount_pass(root, &t, req->pass_number, err) < 0)
			return -1;
	}
	return 0;
}

int helper_mount(int argc, char *argv[])
{
	struct request req = { .root = "/", .pass = "0" };
	const struct option_spec specs[] = {
		{ 0, "root", OPTION_STRING, &req.root },
		{ 0, "pass", OPTION_STRING, &req.pass },
	};
	int first;
	int status = options_parse_or_usage(argc, argv, specs, ARRAY_SIZE(specs), usage, 1, -1, &first);
	if (status >= 0)
		return status;
	char *end;
	req.pass_number = (int)strtol(req.pass, &end, 10);
	if (*end != '\0') {
		fputs(usage, stdout);
		return 1;
	}
	_cleanup_error_ struct error err = ERROR_INIT;
	if (run(&req, argv + first, &err) == 0)
		return 0;
	helper_log_failure("enroot-mount", &err);
	return 1;
}
