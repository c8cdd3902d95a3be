#include "sandbox/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "rootfs/resolve.h"
#include "sandbox/mount-calls.h"

/* What mount-points are made with: nobody can use what is under the mount, and export recognises it. */
#define TARGET_MODE 0000
/* A volume is a bind of the container's own directory: that one is used. */
#define VOLUME_MODE 0755

static int create_target(int root, const char *path, enum fstab_create create, mode_t mode, struct error *err)
{
	if (create == FSTAB_CREATE_DIR)
		return resolve_mkdirs(root, path, mode, err);
	int fd = resolve_create_file(root, path, mode, err);
	if (fd < 0 && err->code == EEXIST) { /* another start was faster */
		error_clear(err);
		return resolve_open(root, path, O_PATH, err);
	}
	return fd;
}

int mount_open_target(int root, const char *path, enum fstab_create create, struct error *err)
{
	int fd = resolve_open(root, path, O_PATH, err);
	if (fd >= 0 || err->code != ENOENT || create == FSTAB_CREATE_NONE)
		return fd;
	error_clear(err);
	return create_target(root, path, create, TARGET_MODE, err);
}

static bool is_bind(const struct fstab_entry *e)
{
	return (e->flags & MS_BIND) != 0 && (e->flags & MS_REMOUNT) == 0;
}

/* A descriptor of the source in the root filesystem (made as a directory if it is a volume), or -2 for a source on
 * the host, which is given by its path. */
static int open_source(int root, const struct fstab_entry *e, struct error *err)
{
	return e->source_in_root ? resolve_open(root, e->source, O_PATH, err) : -2;
}

/* Is there something to put on a target? If not, none is to be made. */
static bool has_source(const struct fstab_entry *e)
{
	struct stat st;
	bool from_host = (is_bind(e) || (e->actions & FSTAB_MOVE) != 0) && !e->source_in_root;
	return !from_host || stat(e->source, &st) == 0 || errno != ENOENT;
}

/* x-create=auto: a directory, unless something else is bound. */
static enum fstab_create create_kind(int root, const struct fstab_entry *e)
{
	if (e->create != FSTAB_CREATE_AUTO)
		return e->create;
	if (!is_bind(e) && (e->actions & FSTAB_MOVE) == 0)
		return FSTAB_CREATE_DIR;
	struct stat st = { 0 };
	_cleanup_error_ struct error ignored = ERROR_INIT;
	_cleanup_close_ int source = open_source(root, e, &ignored);
	if (source == -1 || (source >= 0 ? fstat(source, &st) : stat(e->source, &st)) < 0)
		return FSTAB_CREATE_NONE;
	return S_ISDIR(st.st_mode) ? FSTAB_CREATE_DIR : FSTAB_CREATE_FILE;
}

static int failed(const struct fstab_entry *e, struct error *err)
{
	return error_errno(err, "cannot mount %s on %s", e->source, e->target);
}

static int open_target(int root, const struct fstab_entry *e, struct error *err)
{
	int fd = resolve_open(root, e->target, O_PATH, err);
	if (fd >= 0 || err->code != ENOENT || e->create == FSTAB_CREATE_NONE)
		return fd;
	if (!has_source(e))
		return failed(e, err);
	enum fstab_create create = create_kind(root, e);
	if (create == FSTAB_CREATE_NONE)
		return -1;
	error_clear(err);
	bool is_volume = e->source_in_root && str_eq(e->source, e->target);
	return create_target(root, e->target, create, is_volume ? VOLUME_MODE : TARGET_MODE, err);
}

/* Several kinds may be asked for; mount(8) applies them in this order. */
static int apply_propagation(int fd, const struct fstab_entry *e)
{
	static const unsigned long kinds[] = { MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE };
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		unsigned long recursive = (e->recursive & kinds[i]) != 0 ? MS_REC : 0;
		if ((e->propagation & kinds[i]) != 0 && call_set_propagation(fd, kinds[i] | recursive) < 0)
			return -1;
	}
	return 0;
}

static bool is_one_kind(unsigned long propagation)
{
	return (propagation & (propagation - 1)) == 0;
}

static int do_bind(int root, int target, const struct fstab_entry *e, struct error *err)
{
	_cleanup_close_ int source = open_source(root, e, err);
	if (source == -1)
		return -1;
	_cleanup_close_ int fd = call_bind(source >= 0 ? NULL : e->source, source, target, e->flags);
	if (fd < 0 && errno == EINVAL && (e->flags & MS_REC) == 0) {
		failed(e, err);
		return error_hint(err, "a mount below it cannot be left out: use rbind");
	}
	if (fd < 0)
		return failed(e, err);
	/* One call where one will do: flags are the top mount's, and so is this propagation. */
	bool together = is_one_kind(e->propagation) && (e->recursive == 0 || (e->flags & MS_REC) == 0);
	if (call_set_attributes(fd, e->flags, e->cleared, together ? e->propagation : 0) < 0)
		return failed(e, err);
	if (!together && apply_propagation(fd, e) < 0)
		return failed(e, err);
	return 0;
}

static int do_move(int root, int target, const struct fstab_entry *e, struct error *err)
{
	_cleanup_close_ int source = open_source(root, e, err);
	if (source == -1)
		return -1;
	if (call_move(source >= 0 ? NULL : e->source, source, target) < 0)
		return error_errno(err, "cannot move %s to %s", e->source, e->target);
	return 0;
}

static int do_remount(int target, const struct fstab_entry *e, struct error *err)
{
	unsigned long flags = e->flags & ~(unsigned long)(MS_REMOUNT | MS_REC);
	int r = (e->flags & MS_BIND) != 0 ? call_set_attributes(target, flags, e->cleared, 0)
					  : call_remount(target, flags, e->data);
	if (r < 0 || apply_propagation(target, e) < 0)
		return error_errno(err, "cannot remount %s", e->target);
	return 0;
}

static int do_filesystem(int root, int target, const struct fstab_entry *e, struct error *err)
{
	if (call_mount(e->source, target, e->type, e->flags, e->data) < 0)
		return failed(e, err);
	if (e->propagation == 0)
		return 0;
	_cleanup_close_ int top = resolve_open(root, e->target, O_PATH, err);
	if (top < 0)
		return -1;
	return apply_propagation(top, e) < 0 ? failed(e, err) : 0;
}

/* "none /x none rslave": nothing is mounted. */
static bool is_propagation_only(const struct fstab_entry *e)
{
	return e->propagation != 0 && e->flags == 0 && e->data == NULL && str_eq(e->type, "none");
}

static int do_entry(int root, const struct fstab_entry *e, struct error *err)
{
	_cleanup_close_ int target = open_target(root, e, err);
	if (target < 0)
		return -1;
	if ((e->actions & FSTAB_DETACH) != 0)
		return call_detach(target) < 0 ? error_errno(err, "cannot unmount %s", e->target) : 0;
	if ((e->actions & FSTAB_MOVE) != 0)
		return do_move(root, target, e, err);
	if ((e->flags & MS_REMOUNT) != 0)
		return do_remount(target, e, err);
	if ((e->flags & MS_BIND) != 0)
		return do_bind(root, target, e, err);
	if (is_propagation_only(e))
		return apply_propagation(target, e) < 0 ? failed(e, err) : 0;
	return do_filesystem(root, target, e, err);
}

int mount_entry(int root, const struct fstab_entry *e, struct error *err)
{
	if (do_entry(root, e, err) == 0)
		return 0;
	error_prefix(err, "%s", e->where);
	if ((e->actions & FSTAB_NOFAIL) == 0)
		return -1;
	if ((e->actions & FSTAB_SILENT) == 0)
		log_warn("%s", err->message);
	error_clear(err);
	return 0;
}

int mount_pass(int root, const struct fstab *fstab, int pass, struct error *err)
{
	for (size_t i = 0; i < fstab->count; i++) {
		if (fstab->entries[i].pass == pass && mount_entry(root, &fstab->entries[i], err) < 0)
			return -1;
	}
	return 0;
}

bool mount_entry_creates(int root, const struct fstab_entry *e)
{
	bool is_mounted = e->pass == FSTAB_PASS_SYSTEM || e->pass == FSTAB_PASS_USER;
	if (e->create == FSTAB_CREATE_NONE || !is_mounted)
		return false;
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_close_ int fd = resolve_open(root, e->target, O_PATH, &err);
	return fd < 0 && err.code == ENOENT && has_source(e);
}

static int bind(const char *path, int fd, int target, unsigned long flags, struct error *err)
{
	_cleanup_close_ int top = call_bind(path, fd, target, flags);
	if (top < 0 || call_set_attributes(top, flags, 0, 0) < 0)
		return path != NULL ? error_errno(err, "cannot mount %s", path)
				    : error_errno(err, "cannot mount");
	return 0;
}

int mount_bind(const char *source, int target, unsigned long flags, struct error *err)
{
	return bind(source, -1, target, flags, err);
}

int mount_bind_fd(int source, int target, unsigned long flags, struct error *err)
{
	return bind(NULL, source, target, flags, err);
}

int mount_filesystem(const char *source, int target, const char *type, unsigned long flags, const char *data,
	struct error *err)
{
	if (call_mount(source, target, type, flags, data) < 0)
		return error_errno(err, "cannot mount %s (%s)", source, type);
	return 0;
}

int mount_set_flags(int fd, unsigned long set, unsigned long clear, struct error *err)
{
	return call_set_attributes(fd, set, clear, 0) < 0 ? error_errno(err, "cannot change a mount") : 0;
}

bool mount_set_flags_below(int fd, unsigned long set)
{
	return call_set_attributes_below(fd, set) == 0;
}

int mount_set_propagation(int fd, unsigned long propagation, struct error *err)
{
	if (call_set_propagation(fd, propagation) < 0)
		return error_errno(err, "cannot change the propagation of a mount");
	return 0;
}

int mount_detach(int fd, struct error *err)
{
	return call_detach(fd) < 0 ? error_errno(err, "cannot unmount") : 0;
}
