#include "rootfs/meta.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/str.h"

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

mode_t meta_mode(const struct meta_rules *rules, const struct meta *m, unsigned depth)
{
	if (!rules->is_root)
		return repair(m->mode, m->is_dir, depth);
	return rules->strip_setid ? m->mode & (mode_t) ~(S_ISUID | S_ISGID) : m->mode;
}

mode_t meta_create_mode(const struct meta_rules *rules, const struct meta *m, unsigned depth, bool *fix)
{
	mode_t mode = meta_mode(rules, m, depth), create = mode;
	if (!rules->is_root && (m->is_dir || m->has_xattrs))
		create |= S_IWUSR;               /* for creating in it, or setxattr(2) */
	create &= (mode_t) ~(S_ISUID | S_ISGID); /* a write, chown(2) and mkdir(2) would drop them */
	*fix = create != mode;
	return create;
}

static bool has_other_owner(const struct meta_rules *rules, const struct meta *m)
{
	return rules->is_root && (m->uid != 0 || m->gid != 0);
}

/* Ids that a user namespace does not map are no reason to fail. */
static int check_chown(struct meta_rules *rules, int r)
{
	if (r == 0)
		return 0;
	if (errno != EPERM && errno != EINVAL)
		return -1;
	rules->skipped_owners++;
	return 0;
}

int meta_set_owner(struct meta_rules *rules, int fd, const struct meta *m, struct error *err)
{
	if (has_other_owner(rules, m) && check_chown(rules, fchown(fd, m->uid, m->gid)) < 0)
		return error_errno(err, "cannot set the owner");
	return 0;
}

static bool is_wanted(const struct meta_rules *rules, const char *name)
{
	if (str_starts_with(name, "trusted.overlay.") || str_starts_with(name, "user.overlay.") ||
		str_eq(name, "security.selinux"))
		return false; /* they speak of the machine the image was made on */
	if (str_eq(name, "security.capability") && rules->strip_setid)
		return false; /* as setuid */
	return rules->is_root || str_starts_with(name, "user.");
}

void meta_set_xattr(struct meta_rules *rules, int fd, const char *name, const void *value, size_t len)
{
	if (is_wanted(rules, name) && fsetxattr(fd, name, value, len, 0) < 0)
		rules->skipped_xattrs++;
}

static void times_of(const struct meta *m, struct timespec times[2])
{
	times[0] = times[1] = (struct timespec){ .tv_sec = m->mtime };
}

int meta_seal(
	struct meta_rules *rules, int fd, const struct meta *m, unsigned depth, bool fix, struct error *err)
{
	struct timespec times[2];
	if (fix && fchmod(fd, meta_mode(rules, m, depth)) < 0)
		return error_errno(err, "cannot set the mode");
	times_of(m, times);
	return futimens(fd, times) < 0 ? error_errno(err, "cannot set the time") : 0;
}

int meta_finish_name(
	struct meta_rules *rules, int dir, const char *name, const struct meta *m, struct error *err)
{
	struct timespec times[2];
	if (has_other_owner(rules, m) &&
		check_chown(rules, fchownat(dir, name, m->uid, m->gid, AT_SYMLINK_NOFOLLOW)) < 0)
		return error_errno(err, "cannot set the owner");
	times_of(m, times);
	return utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? error_errno(err, "cannot set the time")
								    : 0;
}
