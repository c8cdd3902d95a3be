/*
 * 10-devices: a small /dev of the container's own (ENROOT_RESTRICT_DEV, and always with a private IPC namespace)
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "hooks/builtin.h"
#include "rootfs/resolve.h"
#include "sandbox/mount.h"

enum kind { NODE, DIRECTORY, LINK };

static const struct entry {
	const char *name, *source; /* LINK: the source is its text */
	enum kind kind;
	bool optional;
} entries[] = {
	{ "zero", "/dev/zero", NODE, false },
	{ "null", "/dev/null", NODE, false },
	{ "full", "/dev/full", NODE, false },
	{ "urandom", "/dev/urandom", NODE, false },
	{ "random", "/dev/random", NODE, false },
	{ "tty", "/dev/tty", NODE, true },
	{ "log", "/dev/log", NODE, true },
	{ "hugepages", "/dev/hugepages", DIRECTORY, true },
	{ "fd", "/proc/self/fd", LINK, false },
	{ "stdin", "/proc/self/fd/0", LINK, false },
	{ "stdout", "/proc/self/fd/1", LINK, false },
	{ "stderr", "/proc/self/fd/2", LINK, false },
	{ "ptmx", "/dev/pts/ptmx", LINK, false },
};

#define DEV_FLAGS (MS_NOSUID | MS_NOEXEC)
#define SHM_FLAGS (MS_NOSUID | MS_NODEV)

/* What NAME of our own fresh tmpfs is mounted on. */
static int make_target(int dev, const char *name, enum kind kind, struct error *err)
{
	if (kind == DIRECTORY && mkdirat(dev, name, 0755) < 0)
		return error_errno(err, "cannot create /dev/%s", name);
	int flags = kind == DIRECTORY ? O_PATH | O_DIRECTORY : O_RDONLY | O_CREAT | O_EXCL;
	int fd = openat(dev, name, flags | O_NOFOLLOW | O_CLOEXEC, 0644);
	return fd < 0 ? error_errno(err, "cannot create /dev/%s", name) : fd;
}

static int bind_host(
	int dev, const char *name, const char *path, enum kind kind, bool optional, struct error *err)
{
	_cleanup_close_ int source = open(path, O_PATH | O_CLOEXEC);
	if (source < 0 && optional)
		return 0;
	if (source < 0)
		return error_errno(err, "cannot open %s", path);
	_cleanup_close_ int target = make_target(dev, name, kind, err);
	if (target < 0)
		return -1;
	return mount_bind_fd(source, target, DEV_FLAGS, err);
}

static int mount_new(
	int dev, const char *name, const char *type, unsigned long flags, const char *data, struct error *err)
{
	_cleanup_close_ int target = make_target(dev, name, DIRECTORY, err);
	return target < 0 ? -1 : mount_filesystem(type, target, type, flags, data, err);
}

/*
 * The terminal on standard input. By its path, since the descriptor is of a mount of another namespace, which cannot
 * be bound; it must lead to the same device.
 */
static int bind_console(int dev, struct error *err)
{
	char path[PATH_MAX];
	struct stat named, held;
	ssize_t n = isatty(STDIN_FILENO) ? readlink("/proc/self/fd/0", path, sizeof(path) - 1) : -1;
	if (n < 0)
		return 0;
	path[n] = '\0';
	if (stat(path, &named) < 0 || fstat(STDIN_FILENO, &held) < 0 || !S_ISCHR(named.st_mode) ||
		named.st_rdev != held.st_rdev)
		return 0;
	return bind_host(dev, "console", path, NODE, true, err);
}

static int fill(struct hooks_context *ctx, int dev, struct error *err)
{
	bool ipc = settings_is_true(ctx->settings, SETTING_UNSHARE_IPC);

	for (unsigned i = 0; i < ARRAY_SIZE(entries); i++) {
		const struct entry *e = &entries[i];
		if (e->kind == LINK && symlinkat(e->source, dev, e->name) < 0)
			return error_errno(err, "cannot create /dev/%s", e->name);
		if (e->kind != LINK && bind_host(dev, e->name, e->source, e->kind, e->optional, err) < 0)
			return -1;
	}
	/* No gid=: of a namespace with one id the group tty is no member. */
	if (mount_new(dev, "pts", "devpts", DEV_FLAGS, "newinstance,ptmxmode=0666,mode=0620", err) < 0)
		return -1;
	if (ipc) {
		if (mount_new(dev, "shm", "tmpfs", SHM_FLAGS | MS_NOEXEC, "mode=1777", err) < 0)
			return -1;
		if (mount_new(dev, "mqueue", "mqueue", SHM_FLAGS | MS_NOEXEC, NULL, err) < 0)
			return -1;
	} else if (bind_host(dev, "shm", "/dev/shm", DIRECTORY, true, err) < 0 ||
		   bind_host(dev, "mqueue", "/dev/mqueue", DIRECTORY, true, err) < 0) {
		return -1;
	}
	return bind_console(dev, err);
}

int hook_devices(struct hooks_context *ctx, struct error *err)
{
	if (!hooks_is_on(ctx, SETTING_RESTRICT_DEV) && !settings_is_true(ctx->settings, SETTING_UNSHARE_IPC))
		return 0;
	_cleanup_close_ int target = mount_open_target(ctx->root, "/dev", FSTAB_CREATE_DIR, err);
	if (target < 0 || mount_filesystem("tmpfs", target, "tmpfs", DEV_FLAGS, "mode=755", err) < 0)
		return -1;
	_cleanup_close_ int dev = resolve_open(ctx->root, "/dev", O_PATH | O_DIRECTORY, err);
	return dev < 0 ? -1 : fill(ctx, dev, err);
}
