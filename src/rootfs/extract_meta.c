/* rootfs/extract_meta.c - modes, owners, times and extended attributes */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"
#include "rootfs/extract_private.h"

#define WRITABLE_DEPTH 15 /* directories down to here become writable by their owner */

/*
 * The repair that makes a tree usable by its owner (u+rX, and u+w on directories): a mode-000 shadow file becomes
 * readable, and export does not take a mode-000 directory for a mount point.
 */
static mode_t repair(mode_t mode, bool is_dir, unsigned depth)
{
	mode &= (mode_t) ~(S_ISUID | S_ISGID);
	mode |= S_IRUSR;
	if (is_dir || (mode & 0111) != 0)
		mode |= S_IXUSR;
	if (is_dir && depth <= WRITABLE_DEPTH)
		mode |= S_IWUSR;
	return mode;
}

mode_t extract_mode(const struct extraction *x, const struct sqfs_inode *inode, unsigned depth)
{
	if (!x->is_root)
		return repair(inode->mode, inode->type == SQFS_DIR, depth);
	return x->options.strip_setid ? inode->mode & (mode_t) ~(S_ISUID | S_ISGID) : inode->mode;
}

mode_t extract_create_mode(
	const struct extraction *x, const struct sqfs_inode *inode, unsigned depth, bool *fix)
{
	mode_t mode = extract_mode(x, inode, depth), create = mode;
	if (!x->is_root && (inode->type == SQFS_DIR || inode->xattrs != SQFS_NO_XATTR))
		create |= S_IWUSR;               /* for creating in it, or setxattr(2) */
	create &= (mode_t) ~(S_ISUID | S_ISGID); /* a write, chown(2) and mkdir(2) would drop them */
	*fix = create != mode;
	return create;
}

static bool is_wanted(const struct extraction *x, const char *name)
{
	if (str_starts_with(name, "trusted.overlay.") || str_starts_with(name, "user.overlay.") ||
		str_eq(name, "security.selinux"))
		return false; /* they speak of the machine the image was made on */
	return x->is_root || str_starts_with(name, "user.");
}

static int set_xattrs(struct worker *w, int fd, const struct sqfs_inode *inode, struct error *err)
{
	struct sqfs_xattrs list;
	if (sqfs_xattrs_read(w->reader, inode->xattrs, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.count; i++) {
		const struct sqfs_xattr *a = &list.items[i];
		if (is_wanted(w->x, a->name) && fsetxattr(fd, a->name, a->value, a->value_len, 0) < 0)
			w->x->skipped_xattrs++;
	}
	sqfs_xattrs_cleanup(&list);
	return 0;
}

static bool has_other_owner(const struct extraction *x, const struct sqfs_inode *inode)
{
	return x->is_root && (inode->uid != 0 || inode->gid != 0);
}

/* Ids that a user namespace does not map are no reason to fail. */
static int check_chown(struct worker *w, int r)
{
	if (r == 0)
		return 0;
	if (errno != EPERM && errno != EINVAL)
		return -1;
	w->x->skipped_owners++;
	return 0;
}

static void times_of(const struct sqfs_inode *inode, struct timespec times[2])
{
	times[0] = times[1] = (struct timespec){ .tv_sec = inode->mtime };
}

int extract_finish_fd(
	struct worker *w, int fd, const struct sqfs_inode *inode, unsigned depth, struct error *err)
{
	struct timespec times[2];
	bool fix;
	extract_create_mode(w->x, inode, depth, &fix);
	if (has_other_owner(w->x, inode) && check_chown(w, fchown(fd, inode->uid, inode->gid)) < 0)
		return error_errno(err, "cannot set the owner");
	if (inode->xattrs != SQFS_NO_XATTR && set_xattrs(w, fd, inode, err) < 0)
		return -1;
	if (fix && fchmod(fd, extract_mode(w->x, inode, depth)) < 0)
		return error_errno(err, "cannot set the mode");
	times_of(inode, times);
	return futimens(fd, times) < 0 ? error_errno(err, "cannot set the time") : 0;
}

int extract_finish_name(
	struct worker *w, int dir, const char *name, const struct sqfs_inode *inode, struct error *err)
{
	struct timespec times[2];
	if (has_other_owner(w->x, inode) &&
		check_chown(w, fchownat(dir, name, inode->uid, inode->gid, AT_SYMLINK_NOFOLLOW)) < 0)
		return error_errno(err, "cannot set the owner");
	times_of(inode, times);
	return utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? error_errno(err, "cannot set the time")
								    : 0;
}
