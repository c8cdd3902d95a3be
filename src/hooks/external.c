#include "hooks/external.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "sandbox/environ.h"
#include "sandbox/privileges.h"

#define HEAD_BYTES    4096
#define LEFTOVER_MARK "NVIDIA CORPORATION"

bool external_is_leftover(const struct hooks_context *ctx, const char *path)
{
	char head[HEAD_BYTES + 1];
	if (settings_foreign(ctx->settings, "ENROOT_LEGACY_HOOKS") != NULL)
		return false;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : fd_read_full(fd, head, HEAD_BYTES);
	return n > 0 && memmem(head, (size_t)n, LEFTOVER_MARK, strlen(LEFTOVER_MARK)) != NULL;
}

int hooks_write_files(struct hooks_context *ctx, struct error *err)
{
	int scratch = scratch_open(ctx->scratch, err);
	if (scratch < 0)
		return -1;
	_cleanup_free_ char *text = environ_format(ctx->env);
	_cleanup_close_ int fd = openat(
		scratch, HOOKS_ENVIRON_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || fd_write_full(fd, text, strlen(text)) < 0)
		return error_errno(err, "cannot write the environment for hooks");
	_cleanup_close_ int mounts =
		openat(scratch, HOOKS_MOUNTS_FILE, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	return mounts < 0 ? error_errno(err, "cannot create the mount file for hooks") : 0;
}

static int read_scratch(int scratch, const char *name, char **text, size_t *len, struct error *err)
{
	_cleanup_close_ int fd = openat(scratch, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fd_read_all(fd, ENVIRON_MAX_BYTES, text, len) < 0)
		return error_errno(err, "cannot read what hooks left in %s", name);
	return 0;
}

static int spawn(const char *path, char *const env[], pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	char *const direct[] = { (char *)path, NULL };
	int r = posix_spawn(pid, path, &actions, NULL, direct, env);
	if (r == ENOEXEC) { /* no "#!" */
		char *const script[] = { "bash", (char *)path, NULL };
		r = posix_spawnp(pid, script[0], &actions, NULL, script, env);
	}
	posix_spawn_file_actions_destroy(&actions);
	return r;
}

static int run(const char *path, char *const env[], struct error *err)
{
	pid_t pid;
	int status;
	if (privileges_lend(err) < 0)
		return -1;
	int r = spawn(path, env, &pid);
	privileges_take_back();
	if (r != 0) {
		errno = r;
		return error_errno(err, "cannot run %s", path);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	if (code != 0)
		return error_set(err, ECHILD, "%s exited with return code %d", path, code);
	return 0;
}

int hooks_read_environment(struct hooks_context *ctx, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	if (read_scratch(ctx->scratch->fd, HOOKS_ENVIRON_FILE, &text, &len, err) < 0)
		return -1;
	environ_parse_output(ctx->env, text, len, ctx->host->items);
	return 0;
}

int hooks_read_mounts(struct hooks_context *ctx, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	struct stat st;
	if (ctx->scratch->fd < 0 ||
		fstatat(ctx->scratch->fd, HOOKS_MOUNTS_FILE, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (read_scratch(ctx->scratch->fd, HOOKS_MOUNTS_FILE, &text, &len, err) < 0)
		return -1;
	return fstab_parse(ctx->fstab, text, len, "hooks", NULL, err);
}

int external_run(struct hooks_context *ctx, const char *path, struct error *err)
{
	if (hooks_write_files(ctx, err) < 0 || run(path, ctx->host->items, err) < 0)
		return -1;
	return hooks_read_environment(ctx, err);
}
