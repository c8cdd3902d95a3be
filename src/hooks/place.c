#include "hooks/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/publish.h"
#include "rootfs/resolve.h"
#include "sandbox/mount.h"
#include "sandbox/rootfile.h"

#define MAX_TRIES 16

static int rename_over(int dir, const char *temp, const char *name, const char *path, struct error *err)
{
	if (renameat(dir, temp, dir, name) == 0)
		return 0;
	error_errno(err, "cannot replace %s in the root filesystem", path);
	(void)unlinkat(dir, temp, 0);
	return -1;
}

/* The directory that the file is to be in, made where the image has none: not every one has an /etc. */
static int open_directory(int root, const char *path, char **name, struct error *err)
{
	int dir = resolve_parent(root, path, name, err);
	if (dir >= 0 || err->code != ENOENT)
		return dir;
	error_clear(err);
	_cleanup_free_ char *parent = path_dirname(path);
	_cleanup_close_ int made = resolve_mkdirs(root, parent, 0755, err);
	return made < 0 ? -1 : resolve_parent(root, path, name, err);
}

/* A descriptor of the new file, or -1. */
static int write_new(int dir, const char *name, const char *text, size_t len, mode_t mode)
{
	_cleanup_close_ int fd =
		openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0 || fchmod(fd, mode) < 0 || fd_write_full(fd, text, len) < 0) /* chmod: the umask */
		return -1;
	return steal_fd(&fd);
}

int place_replace_file(
	int root, const char *path, const char *text, size_t len, mode_t mode, struct error *err)
{
	_cleanup_free_ char *name = NULL;
	_cleanup_close_ int dir = open_directory(root, path, &name, err);
	if (dir < 0)
		return -1;
	_cleanup_free_ char *temp = publish_temp_name();
	_cleanup_close_ int fd = write_new(dir, temp, text, len, mode);
	if (fd < 0) {
		error_errno(err, "cannot write %s in the root filesystem", path);
		(void)unlinkat(dir, temp, 0);
		return -1;
	}
	return rename_over(dir, temp, name, path, err);
}

int place_replace_link(int root, const char *path, const char *target, struct error *err)
{
	_cleanup_free_ char *name = NULL;
	_cleanup_close_ int dir = open_directory(root, path, &name, err);
	if (dir < 0)
		return -1;
	_cleanup_free_ char *temp = publish_temp_name();
	if (symlinkat(target, dir, temp) < 0)
		return error_errno(err, "cannot create the symlink %s in the root filesystem", path);
	return rename_over(dir, temp, name, path, err);
}

bool place_try_again(struct error *err, unsigned *tries)
{
	if (err->code != ENOENT || ++*tries >= MAX_TRIES)
		return false;
	error_clear(err);
	return true;
}

static int bind_over(struct hooks_context *ctx, int source, const char *path, struct error *err)
{
	_cleanup_close_ int target = mount_open_target(ctx->root, path, FSTAB_CREATE_FILE, err);
	if (target < 0)
		return -1;
	return mount_bind_fd(source, target, 0, err); /* nosuid and nodev as the scratch space is */
}

/* Write the file into the scratch space and bind it over PATH. */
static int bind_text(struct hooks_context *ctx, const char *path, const char *text, size_t len, mode_t mode,
	struct error *err)
{
	int scratch = scratch_open(ctx->scratch, err);
	if (scratch < 0)
		return -1;
	_cleanup_free_ char *temp = publish_temp_name();
	_cleanup_close_ int source = write_new(scratch, temp, text, len, mode);
	if (source < 0)
		return error_errno(err, "cannot write a copy of %s", path);
	unsigned tries = 0;
	int r;
	do
		r = bind_over(ctx, source, path, err);
	while (r < 0 && place_try_again(err, &tries));
	return r;
}

int place_changed_file(struct hooks_context *ctx, const char *path, const char *text, size_t len, mode_t mode,
	struct error *err)
{
	if (ctx->writable)
		return place_replace_file(ctx->root, path, text, len, mode, err);
	return bind_text(ctx, path, text, len, mode, err);
}

int place_file(struct hooks_context *ctx, const char *path, const char *text, size_t len, mode_t mode,
	struct error *err)
{
	_cleanup_error_ struct error ignored = ERROR_INIT;
	_cleanup_free_ char *now = NULL;
	size_t now_len = 0;
	if (rootfile_read(ctx->root, path, &now, &now_len, &ignored) == 0 && now_len == len &&
		memcmp(now, text, len) == 0)
		return 0;
	return place_changed_file(ctx, path, text, len, mode, err);
}
