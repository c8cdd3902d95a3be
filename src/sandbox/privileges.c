#include "sandbox/privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/memory.h"
#include "build-config.h"

#if !ENROOT_HARDENED
static void restore_speculation(void)
{
	static const int controls[] = {
		PR_SPEC_STORE_BYPASS,
		PR_SPEC_INDIRECT_BRANCH,
		PR_SPEC_L1D_FLUSH,
	};
	for (unsigned i = 0; i < ARRAY_SIZE(controls); i++) {
		/* L1D_FLUSH is the odd one: there "enable" means the mitigation. */
		int wanted = controls[i] == PR_SPEC_L1D_FLUSH ? PR_SPEC_DISABLE : PR_SPEC_ENABLE;
		int unwanted = controls[i] == PR_SPEC_L1D_FLUSH ? PR_SPEC_ENABLE : PR_SPEC_DISABLE;
		int now = prctl(PR_GET_SPECULATION_CTRL, controls[i], 0, 0, 0);
		if (now >= 0 && (now & PR_SPEC_PRCTL) && (now & unwanted))
			(void)prctl(PR_SET_SPECULATION_CTRL, controls[i], wanted, 0, 0);
	}
}
#endif

/* Ambient capabilities must be inheritable first, capabilities(7). */
static int set_inheritable(bool all)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	if (syscall(SYS_capget, &header, data) < 0)
		return -1;
	for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		data[i].inheritable = all ? data[i].permitted : 0;
	return (int)syscall(SYS_capset, &header, data);
}

int privileges_lend(struct error *err)
{
	if (geteuid() == 0)
		return 0;
	if (set_inheritable(true) < 0)
		return error_errno(err, "failed to hand capabilities on");
	/* EINVAL: beyond the last that the kernel knows. EPERM: one that we do not have ourselves. */
	for (unsigned long cap = 0;
		prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) == 0 || errno == EPERM;)
		cap++;
	return 0;
}

void privileges_take_back(void)
{
	if (geteuid() == 0)
		return;
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	(void)set_inheritable(false);
}

/* What is not permitted cannot stay in the ambient set: the kernel lowers that too. */
static int drop_capabilities(struct error *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };
	if (syscall(SYS_capset, &header, none) < 0)
		return error_errno(err, "failed to drop capabilities");
	return 0;
}

int privileges_drop(bool keep_capabilities, struct error *err)
{
	/* Needs CAP_SYS_ADMIN, so it comes first. Kernels before 4.6 have none. */
	if (unshare(CLONE_NEWCGROUP) < 0 && errno != EINVAL)
		return error_errno(err, "failed to create a cgroup namespace");
#if !ENROOT_HARDENED
	restore_speculation();
#endif
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_errno(err, "failed to set NO_NEW_PRIVS");
	return keep_capabilities ? 0 : drop_capabilities(err);
}

int privileges_close_descriptors(int keep, struct error *err)
{
#if ENROOT_HARDENED
	int r = 0;
	if (keep > 3)
		r = close_range(3, (unsigned)keep - 1, CLOSE_RANGE_CLOEXEC);
	if (r == 0)
		r = close_range(keep >= 3 ? (unsigned)keep + 1 : 3, ~0U, CLOSE_RANGE_CLOEXEC);
	if (r < 0)
		return error_errno(err, "failed to close inherited descriptors");
#else
	(void)keep;
	(void)err;
#endif
	return 0;
}
