#include "sandbox/nsenter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "sandbox/filter.h"
#include "sandbox/supervise.h"

#define ENVIRON_MAX (16u << 20)

static const struct {
	const char *name; /* in /proc/PID/ns */
	int type;
} namespaces[NSENTER_COUNT] = {
	[NSENTER_USER] = { "user", CLONE_NEWUSER },
	[NSENTER_CGROUP] = { "cgroup", CLONE_NEWCGROUP },
	[NSENTER_IPC] = { "ipc", CLONE_NEWIPC },
	[NSENTER_UTS] = { "uts", CLONE_NEWUTS },
	[NSENTER_NET] = { "net", CLONE_NEWNET },
	[NSENTER_PID] = { "pid", CLONE_NEWPID },
	[NSENTER_MOUNT] = { "mnt", CLONE_NEWNS },
};

void nsenter_cleanup(struct nsenter *t)
{
	if (t->proc < 0)
		return;
	for (unsigned i = 0; i < NSENTER_COUNT; i++)
		cleanup_close(&t->namespaces[i]);
	cleanup_close(&t->cwd);
	cleanup_close(&t->proc);
	*t = NSENTER_INIT;
}

/* A namespace of the target's that is not the caller's own, -1 if it is, -2 with errno. */
static int open_namespace(const struct nsenter *t, unsigned i)
{
	char path[32], own[48];
	struct stat theirs, ours;
	snprintf(path, sizeof(path), "ns/%s", namespaces[i].name);
	snprintf(own, sizeof(own), "/proc/self/ns/%s", namespaces[i].name);
	_cleanup_close_ int fd = openat(t->proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return -1; /* a kernel without this kind */
	if (fd < 0 || fstat(fd, &theirs) < 0)
		return -2;
	bool is_same = stat(own, &ours) == 0 && ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
	return is_same ? -1 : steal_fd(&fd);
}

static int not_found(pid_t pid, struct error *err)
{
	return error_set(err, ESRCH, "Process not found: %d", pid);
}

int nsenter_open(struct nsenter *t, pid_t pid, unsigned wanted, struct error *err)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/%d", pid);
	*t = NSENTER_INIT;
	for (unsigned i = 0; i < NSENTER_COUNT; i++)
		t->namespaces[i] = -1;
	t->pid = pid;
	t->proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (t->proc < 0 || pid <= 0 || kill(pid, 0) < 0)
		return not_found(pid, err);
	if ((wanted & 1u << NSENTER_MOUNT) != 0) {
		t->cwd = openat(t->proc, "cwd", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (t->cwd < 0)
			return error_errno(err, "cannot look into process %d", pid);
	}
	for (unsigned i = 0; i < NSENTER_COUNT; i++) {
		int fd = (wanted & 1u << i) != 0 ? open_namespace(t, i) : -1;
		if (fd == -2)
			return error_errno(
				err, "cannot open the %s namespace of process %d", namespaces[i].name, pid);
		t->namespaces[i] = fd;
	}
	return 0;
}

bool nsenter_shares_mounts(const struct nsenter *t)
{
	struct stat theirs, ours;
	return fstatat(t->proc, "ns/mnt", &theirs, 0) == 0 && stat("/proc/self/ns/mnt", &ours) == 0 &&
	       theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev;
}

int nsenter_read_environment(const struct nsenter *t, struct strv *env, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	_cleanup_close_ int fd = openat(t->proc, "environ", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fd_read_all(fd, ENVIRON_MAX, &text, &len) < 0)
		return error_errno(err, "cannot read the environment of process %d", t->pid);
	for (size_t at = 0; at < len; at += strlen(text + at) + 1) {
		if (strchr(text + at, '=') != NULL)
			strv_push(env, text + at);
	}
	return 0;
}

int nsenter_join(struct nsenter *t, struct error *err)
{
	for (unsigned i = 0; i < NSENTER_COUNT; i++) {
		if (t->namespaces[i] >= 0 && setns(t->namespaces[i], namespaces[i].type) < 0)
			return error_errno(err, "cannot join the %s namespace of process %d",
				namespaces[i].name, t->pid);
	}
	if (t->cwd >= 0 && fchdir(t->cwd) < 0)
		return error_errno(err, "failed to change directory");
	/* Only children are in a PID namespace that was joined. */
	return t->namespaces[NSENTER_PID] >= 0 ? supervise_fork(0, err) : 0;
}

/* The bounding set, too: joining a user namespace has filled it. EINVAL: beyond the last that the kernel knows. */
static int drop_capabilities(struct error *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };
	for (unsigned long cap = 0; prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0;)
		cap++;
	if (syscall(SYS_capset, &header, none) < 0)
		return error_errno(err, "failed to drop capabilities");
	return 0;
}

int nsenter_drop_privileges(const struct nsenter *t, struct error *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_errno(err, "failed to set NO_NEW_PRIVS");
	if (geteuid() != 0 && drop_capabilities(err) < 0)
		return -1;
	return t->namespaces[NSENTER_USER] >= 0 ? filter_install(err) : 0;
}
