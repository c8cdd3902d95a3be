/*
 * bench/floor-start.c - the least that starting a container can cost
 *
 *	floor-start ROOTFS COMMAND [ARG…]
 *
 * What the kernel has to be asked for and nothing else, without a check or a setting: user and mount namespace, id
 * maps, the standard mounts of a container, pivot_root, capabilities, cgroup namespace, exec. Built statically.
 * Paths that are missing on the host or in the root filesystem are passed over.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define READ_ONLY (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)

static const struct {
	const char *source, *target, *type;
	unsigned long flags, remount;
} mounts[] = {
	{ "/proc", "proc", NULL, MS_BIND | MS_REC, 0 },
	{ "/sys", "sys", NULL, MS_BIND | MS_REC, 0 },
	{ "/dev", "dev", NULL, MS_BIND | MS_REC, 0 },
	{ "tmpfs", "tmp", "tmpfs", MS_NOSUID | MS_NODEV, 0 },
	{ "tmpfs", "var/run", "tmpfs", MS_NOSUID | MS_NODEV, 0 },
	{ "tmpfs", "var/lock", "tmpfs", MS_NOSUID | MS_NODEV, 0 },
	{ "/dev/shm", "dev/shm", NULL, MS_BIND, 0 },
	{ "/etc/hosts", "etc/hosts", NULL, MS_BIND, READ_ONLY },
	{ "/etc/hostname", "etc/hostname", NULL, MS_BIND, READ_ONLY },
	{ "/etc/resolv.conf", "etc/resolv.conf", NULL, MS_BIND, READ_ONLY },
	{ "/etc/machine-id", "etc/machine-id", NULL, MS_BIND, READ_ONLY },
	{ "/etc/passwd", "etc/passwd", NULL, MS_BIND, 0 },
	{ "/etc/group", "etc/group", NULL, MS_BIND, 0 },
	{ "/etc/localtime", "etc/localtime", NULL, MS_BIND, READ_ONLY },
};

static void must(long r, const char *what)
{
	if (r >= 0)
		return;
	perror(what);
	exit(1);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	must(fd, path);
	must(write(fd, text, strlen(text)), path);
	close(fd);
}

static void map_ids(unsigned uid, unsigned gid)
{
	char map[32];
	write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "%u %u 1", gid, gid);
	write_file("/proc/self/gid_map", map);
	snprintf(map, sizeof(map), "%u %u 1", uid, uid);
	write_file("/proc/self/uid_map", map);
}

static void mount_one(
	const char *source, const char *target, const char *type, unsigned long flags, unsigned long remount)
{
	const char *data = type != NULL ? "mode=755" : NULL;
	if (mount(source, target, type, flags, data) == 0 && remount != 0)
		(void)mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | remount, NULL);
}

/* Of every hierarchy this process's own group, read-only: cgroups(7), lines "ID:CONTROLLERS:PATH". */
static void mount_cgroups(void)
{
	static const char top[] = "/sys/fs/cgroup";
	char text[8192], source[4096], target[512];
	int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return;
	text[n] = '\0';
	int is_hybrid = access("/sys/fs/cgroup/unified", F_OK) == 0;
	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		char *controllers = strchr(line, ':'),
		     *path = controllers ? strchr(controllers + 1, ':') : NULL;
		if (path == NULL)
			continue;
		*path++ = '\0';
		controllers++;
		if (strncmp(controllers, "name=", 5) == 0)
			controllers += 5;
		const char *name = *controllers != '\0' ? controllers : is_hybrid ? "unified" : "";
		snprintf(source, sizeof(source), "%s/%s/%s", top, name, path);
		snprintf(target, sizeof(target), "%s/%s", top + 1, name);
		mount_one(source, target, NULL, MS_BIND, READ_ONLY);
	}
}

int main(int argc, char *argv[])
{
	if (argc < 3) {
		fprintf(stderr, "usage: floor-start ROOTFS COMMAND [ARG...]\n");
		return 1;
	}
	unsigned uid = geteuid(), gid = getegid();
	must(unshare(CLONE_NEWUSER | CLONE_NEWNS), "unshare");
	map_ids(uid, gid);

	must(mount(argv[1], argv[1], NULL, MS_BIND, NULL), "bind the root filesystem");
	must(chdir(argv[1]), "chdir");
	for (unsigned i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++)
		mount_one(mounts[i].source, mounts[i].target, mounts[i].type, mounts[i].flags,
			mounts[i].remount);
	mount_cgroups();
	(void)mount(NULL, ".", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL);

	must(syscall(SYS_pivot_root, ".", "."), "pivot_root");
	must(umount2(".", MNT_DETACH), "umount2");
	must(chdir("/"), "chdir");
	must(unshare(CLONE_NEWCGROUP), "unshare");
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl");
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };
	must(syscall(SYS_capset, &header, none), "capset");
	execv(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
