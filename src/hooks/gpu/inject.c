#include "hooks/gpu/inject.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/publish.h"
#include "base/str.h"
#include "hooks/place.h"
#include "rootfs/resolve.h"
#include "sandbox/cover.h"
#include "sandbox/environ.h"
#include "sandbox/mount.h"

void inject_cleanup(struct inject *in)
{
	strv_cleanup(&in->nodes);
	strv_cleanup(&in->files);
	strv_cleanup(&in->folders);
}

static bool has_type(const struct stat *st, char type)
{
	switch (type) {
	case 'c':
	case 'u':
		return S_ISCHR(st->st_mode);
	case 'b':
		return S_ISBLK(st->st_mode);
	case 'p':
		return S_ISFIFO(st->st_mode);
	default:
		return S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode);
	}
}

/* Open the node on the host and see that it is the one that was meant. */
static int open_node(const struct inject_node *node, struct stat *st, struct error *err)
{
	int fd = open(node->host, O_PATH | O_CLOEXEC);
	if (fd < 0 || fstat(fd, st) < 0) {
		error_errno(err, "cannot open the device %s", node->host);
		error_hint(err, "is its driver loaded?");
	} else if (!has_type(st, node->type)) {
		error_set(err, ENODEV, "%s is not a device of the kind that was specified", node->host);
	} else if (!S_ISFIFO(st->st_mode) &&
		   ((node->major >= 0 && node->major != (int64_t)major(st->st_rdev)) ||
			   (node->minor >= 0 && node->minor != (int64_t)minor(st->st_rdev)))) {
		error_set(err, ENODEV, "%s is device %u:%u, not %lld:%lld", node->host, major(st->st_rdev),
			minor(st->st_rdev), (long long)node->major, (long long)node->minor);
		error_hint(err, "generate the specification again");
	} else {
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool is_same(int fd, const struct stat *host)
{
	struct stat st;
	return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == (host->st_mode & S_IFMT) &&
	       (S_ISFIFO(st.st_mode) ? st.st_ino == host->st_ino && st.st_dev == host->st_dev
				     : st.st_rdev == host->st_rdev);
}

/* Is the container's /dev the host's? Nothing is to be created there. */
static bool shares_dev(const struct hooks_context *ctx)
{
	struct stat inside, outside;
	_cleanup_error_ struct error ignored = ERROR_INIT;
	_cleanup_close_ int fd = resolve_open(ctx->root, "/dev", O_PATH, &ignored);
	return fd >= 0 && fstat(fd, &inside) == 0 && stat("/dev", &outside) == 0 &&
	       inside.st_dev == outside.st_dev && inside.st_ino == outside.st_ino;
}

int inject_node(struct inject *in, const struct inject_node *node, struct error *err)
{
	struct stat st;
	_cleanup_close_ int source = open_node(node, &st, err);
	if (source < 0)
		return -1;
	if (!strv_contains(&in->nodes, node->host))
		strv_push(&in->nodes, node->host);
	_cleanup_error_ struct error missing = ERROR_INIT;
	_cleanup_close_ int target = resolve_open(in->ctx->root, node->path, O_PATH, &missing);
	if (target >= 0 && is_same(target, &st))
		return 0;
	if (target < 0 && str_starts_with(node->path, "/dev/") && shares_dev(in->ctx)) {
		error_set(err, EROFS, "cannot create %s for a device in the host's /dev", node->path);
		return error_hint(err, "set ENROOT_RESTRICT_DEV=y for a /dev of the container's own");
	}
	if (target < 0)
		target = mount_open_target(in->ctx->root, node->path, FSTAB_CREATE_FILE, err);
	if (target < 0 || mount_bind_fd(source, target, MS_NOSUID | MS_NOEXEC, err) < 0)
		return error_prefix(err, "device %s", node->path);
	return 0;
}

static bool has_bind(const char *options)
{
	_cleanup_strv_ struct strv words = STRV_INIT;
	strv_split(&words, options, ',');
	return strv_contains(&words, "bind") || strv_contains(&words, "rbind");
}

/* The directory above PATH that exists. */
static int open_ancestor(int root, const char *path, char **found)
{
	_cleanup_error_ struct error ignored = ERROR_INIT;
	_cleanup_free_ char *parent = xstrdup(path);
	for (char *slash; (slash = strrchr(parent, '/')) != NULL && slash != parent;) {
		*slash = '\0';
		int fd = resolve_open(root, parent, O_PATH | O_DIRECTORY, &ignored);
		if (fd >= 0) {
			*found = steal_pointer(&parent);
			return fd;
		}
	}
	return -1;
}

/*
 * Folders of a root filesystem that belongs to somebody else cannot be added to, not even below the layer of memory
 * that covers all of it, where only the topmost are the caller's. Those that are needed get one of their own.
 */
static int make_room(struct inject *in, const char *path, struct error *err)
{
	int root = in->ctx->root;
	struct stat top, st;
	_cleanup_error_ struct error ignored = ERROR_INIT;
	_cleanup_free_ char *folder = NULL;
	_cleanup_close_ int there = resolve_open(root, path, O_PATH | O_NOFOLLOW, &ignored);
	_cleanup_close_ int dir = there >= 0 ? -1 : open_ancestor(root, path, &folder);
	if (dir < 0 || fd_may_access(dir, ".", W_OK | X_OK))
		return 0;
	if (fstat(root, &top) < 0 || fstat(dir, &st) < 0 || top.st_dev != st.st_dev)
		return 0; /* /dev, /sys: the host's */
	int scratch = scratch_open(in->ctx->scratch, err);
	if (scratch < 0)
		return -1;
	_cleanup_free_ char *name = publish_temp_name();
	if (mkdirat(scratch, name, 0700) < 0)
		return error_errno(err, "cannot make room for %s", path);
	_cleanup_close_ int layer = openat(scratch, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (layer < 0)
		return error_errno(err, "cannot make room for %s", path);
	_cleanup_close_ int covered = cover_mount(dir, in->ctx->rootfs, layer, err);
	return covered < 0 ? error_prefix(err, "%s", folder) : 0;
}

int inject_mount(struct inject *in, const char *host, const char *path, const char *type, const char *options,
	struct error *err)
{
	bool is_bind = type == NULL || *type == '\0' || str_eq(type, "bind") || str_eq(type, "none");
	if ((is_bind && host[0] != '/') || path[0] != '/')
		return error_set(err, EINVAL, "cannot mount %s on %s: a path is not absolute", host, path);
	if (strv_contains(&in->files, path))
		return 0;
	_cleanup_fstab_ struct fstab fstab = FSTAB_INIT;
	_cleanup_free_ char *all = xasprintf("x-create=auto%s%s%s",
		is_bind && !has_bind(options) ? ",rbind" : "", *options != '\0' ? "," : "", options);
	if (make_room(in, path, err) < 0 ||
		fstab_add(&fstab, "device", host, path, is_bind ? "none" : type, all, err) < 0 ||
		mount_pass(in->ctx->root, &fstab, FSTAB_PASS_USER, err) < 0)
		return -1;
	strv_push(&in->files, path);
	return 0;
}

int inject_variable(struct inject *in, const char *entry, struct error *err)
{
	size_t len = strcspn(entry, "=");
	if (entry[len] == '\0' || !environ_key_is_valid(entry, len) || strpbrk(entry, "\n\r") != NULL)
		return error_set(err, EINVAL, "invalid environment variable: %s", entry);
	_cleanup_free_ char *key = xstrndup(entry, len);
	if (!str_starts_with(key, "ENROOT_"))
		strv_env_set(in->ctx->env, key, entry + len + 1);
	return 0;
}

int inject_link(struct inject *in, const char *target, const char *path, struct error *err)
{
	char now[4096];
	_cleanup_free_ char *name = NULL, *parent = path_dirname(path);
	if (path[0] != '/' || *path_last(path) == '\0' || *target == '\0')
		return error_set(err, EINVAL, "invalid symlink: %s", path);
	if (make_room(in, path, err) < 0)
		return -1;
	_cleanup_close_ int made = resolve_mkdirs(in->ctx->root, parent, 0755, err);
	if (made < 0)
		return -1;
	_cleanup_close_ int dir = resolve_parent(in->ctx->root, path, &name, err);
	if (dir < 0)
		return -1;
	ssize_t n = readlinkat(dir, name, now, sizeof(now) - 1);
	if (n >= 0 && strlen(target) == (size_t)n && memcmp(now, target, (size_t)n) == 0)
		return 0;
	bool is_missing = n < 0 && errno == ENOENT;
	if (is_missing && symlinkat(target, dir, name) < 0 && errno != EEXIST)
		return error_errno(err, "cannot create the symlink %s", path);
	if (is_missing)
		return 0;
	/* What an image has there itself may be changed only where changes are meant to be. */
	return in->ctx->writable ? place_replace_link(in->ctx->root, path, target, err) : 0;
}

void inject_folder(struct inject *in, const char *folder, bool first)
{
	if (folder[0] != '/' || strv_contains(&in->folders, folder))
		return;
	strv_push(&in->folders, folder);
	if (!first)
		return;
	char **items = in->folders.items, *last = items[in->folders.count - 1];
	memmove(items + 1, items, (in->folders.count - 1) * sizeof(*items));
	items[0] = last;
}
