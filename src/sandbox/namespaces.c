#include "sandbox/namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/str.h"

/* What an administrator can have forbidden, and how it shows. The first that matches is the cause. */
static const struct {
	const char *path, *forbidding, *remedy;
} restrictions[] = {
	{ "/proc/sys/user/max_user_namespaces", "0",
		"user namespaces are switched off: set the sysctl user.max_user_namespaces above 0" },
	{ "/proc/sys/kernel/unprivileged_userns_clone", "0",
		"user namespaces are for root only: set the sysctl kernel.unprivileged_userns_clone to 1" },
	{ "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1",
		"AppArmor restricts user namespaces: install enroot's AppArmor profile, or set the sysctl "
		"kernel.apparmor_restrict_unprivileged_userns to 0" },
};

static bool file_says(const char *path, const char *value)
{
	char text[32];
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return str_eq(text, value);
}

/* The kernel refuses user namespaces to a process whose root is not the root of its mount namespace. */
static bool is_in_chroot(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/mountinfo", "re");
	if (f == NULL)
		return false;
	char line[8192];
	while (fgets(line, sizeof(line), f) != NULL) {
		char point[8];
		if (sscanf(line, "%*s %*s %*s %*s %7s", point) == 1 && str_eq(point, "/"))
			return false;
	}
	return true;
}

static int explain_refusal(struct error *err)
{
	for (unsigned i = 0; i < ARRAY_SIZE(restrictions); i++) {
		if (file_says(restrictions[i].path, restrictions[i].forbidding))
			return error_hint(err, "%s", restrictions[i].remedy);
	}
	if (err->code == EPERM && is_in_chroot())
		return error_hint(err, "the kernel refuses user namespaces inside a chroot");
	if (err->code == ENOSPC)
		return error_hint(err, "the limit of user namespaces is reached: raise the sysctl "
				       "user.max_user_namespaces");
	return error_hint(err, "run \"enroot doctor\" to see what forbids it");
}

static int write_file(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -1 : fd_write_full(fd, text, strlen(text));
}

static int write_id_map(const char *path, unsigned inside, unsigned outside)
{
	char map[32];
	snprintf(map, sizeof(map), "%u %u 1", inside, outside);
	return write_file(path, map);
}

static int raise_loopback(struct error *err)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq req = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &req) < 0)
		return error_errno(err, "failed to bring up the loopback interface");
	return 0;
}

static int map_ids(uid_t uid, gid_t gid, bool to_root)
{
	if (write_file("/proc/self/setgroups", "deny") < 0)
		return -1;
	if (write_id_map("/proc/self/gid_map", to_root ? 0 : gid, gid) < 0)
		return -1;
	return write_id_map("/proc/self/uid_map", to_root ? 0 : uid, uid);
}

static int enter_with_user(int flags, bool map_root, struct error *err)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(CLONE_NEWUSER | flags) < 0 || map_ids(uid, gid, map_root) < 0) {
		error_errno(err, "failed to create user namespace");
		return explain_refusal(err);
	}
	return 0;
}

static int enter(int flags, struct error *err)
{
	if (flags != 0 && unshare(flags) < 0)
		return error_errno(err, "failed to create namespaces");
	return 0;
}

int namespaces_enter(const struct namespaces *ns, struct error *err)
{
	int flags = (ns->mount ? CLONE_NEWNS : 0) | (ns->pid ? CLONE_NEWPID : 0) |
		    (ns->net ? CLONE_NEWNET : 0) | (ns->ipc ? CLONE_NEWIPC : 0) |
		    (ns->uts ? CLONE_NEWUTS : 0);

	if ((ns->user ? enter_with_user(flags, ns->map_root, err) : enter(flags, err)) < 0)
		return -1;
	/* A mount namespace that belongs to a new user namespace holds slaves from the start. */
	if (ns->slave && mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
		return error_errno(err, "failed to make the mounts slaves of the host's");
	return ns->net ? raise_loopback(err) : 0;
}
