/*
 * 10-localtime: the host's time zone inside
 *
 * The image's own copy of the zone is used where it has one, so that its libraries read what they understand.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/str.h"
#include "hooks/builtin.h"
#include "hooks/place.h"
#include "rootfs/resolve.h"
#include "sandbox/mount.h"
#include "sandbox/rootfile.h"

#define LOCALTIME "/etc/localtime"
#define ZONEINFO  "zoneinfo/"

/* What the symlink says, owned; NULL where it is none. */
static char *read_link(int dir, const char *path)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dir, path, target, sizeof(target));
	return n > 0 && n < (ssize_t)sizeof(target) ? xstrndup(target, (size_t)n) : NULL;
}

/* The symlink itself in the root filesystem (O_PATH), or whatever else has its name; -1: missing. */
static int open_itself(int root, struct error *err)
{
	return resolve_open(root, LOCALTIME, O_PATH | O_NOFOLLOW, err);
}

static bool names_zone_already(int localtime, const char *zone)
{
	_cleanup_free_ char *now = read_link(localtime, "");
	const char *mark = now != NULL ? strstr(now, ZONEINFO) : NULL;
	return mark != NULL && str_eq(mark + strlen(ZONEINFO), zone);
}

static int replace(struct hooks_context *ctx, const char *inside, bool has_zone, struct error *err)
{
	if (has_zone)
		return place_replace_link(ctx->root, LOCALTIME, inside, err);
	_cleanup_free_ char *text = NULL;
	size_t len;
	_cleanup_close_ int fd = open(LOCALTIME, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fd_read_all(fd, ROOTFILE_MAX_BYTES, &text, &len) < 0)
		return error_errno(err, "cannot read %s", LOCALTIME);
	return place_replace_file(ctx->root, LOCALTIME, text, len, 0644, err);
}

/* On the symlink itself, never on the file that it names: other zones' files may be links to that one. */
static int bind(struct hooks_context *ctx, int zone_inside, int localtime, struct error *err)
{
	const unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
	_cleanup_close_ int made = -1;
	if (localtime < 0) {
		made = mount_open_target(ctx->root, LOCALTIME, FSTAB_CREATE_FILE, err);
		if (made < 0)
			return -1;
		localtime = made;
	}
	return zone_inside >= 0 ? mount_bind_fd(zone_inside, localtime, flags, err)
				: mount_bind(LOCALTIME, localtime, flags, err);
}

static int set_zone(struct hooks_context *ctx, struct error *err)
{
	_cleanup_free_ char *link = read_link(AT_FDCWD, LOCALTIME);
	const char *mark = link != NULL ? strstr(link, ZONEINFO) : NULL;
	if (mark == NULL)
		return 0;
	const char *zone = mark + strlen(ZONEINFO);
	_cleanup_error_ struct error ignored = ERROR_INIT;
	_cleanup_close_ int localtime = open_itself(ctx->root, &ignored);
	struct stat st;
	if (localtime >= 0 && names_zone_already(localtime, zone))
		return 0;
	if (localtime >= 0 && fstat(localtime, &st) == 0 && S_ISDIR(st.st_mode))
		return 0; /* no image that means it has one */

	_cleanup_free_ char *inside = xasprintf("/usr/share/%s%s", ZONEINFO, zone);
	_cleanup_close_ int file = resolve_open(ctx->root, inside, O_PATH, &ignored);
	bool has_zone = file >= 0 && fstat(file, &st) == 0 && S_ISREG(st.st_mode);
	if (!has_zone && access(LOCALTIME, R_OK) < 0)
		return 0; /* the host's own link dangles */
	if (ctx->writable)
		return replace(ctx, inside, has_zone, err);
	return bind(ctx, has_zone ? file : -1, localtime, err);
}

int hook_localtime(struct hooks_context *ctx, struct error *err)
{
	unsigned tries = 0;
	int r;
	do
		r = set_zone(ctx, err);
	while (r < 0 && place_try_again(err, &tries));
	return r;
}
