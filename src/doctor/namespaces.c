/* Which namespaces can be had: tried, each in a child. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"
#include "doctor/attempt.h"
#include "doctor/facts.h"
#include "doctor/private.h"
#include "sandbox/filter.h"
#include "sandbox/mount.h"
#include "sandbox/namespaces.h"
#include "sandbox/privileges.h"
#include "sandbox/root.h"
#include "sandbox/scratch.h"

#define MASKED_MOUNTS                                                                                       \
	"mounts over parts of the host's /proc or /sys (as in a container) forbid a fresh one: run enroot " \
	"outside, or start that container with them unmasked"

int make_place(int dir, const char *name, struct error *err)
{
	if (mkdirat(dir, name, 0755) < 0 && errno != EEXIST)
		return error_errno(err, "cannot create the directory %s in a tmpfs", name);
	int fd = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? error_errno(err, "cannot open the directory %s in a tmpfs", name) : fd;
}

static int open_scratch(const struct patient *p, struct error *err)
{
	struct scratch scratch = { .settings = p->settings, .fd = -1 };
	return scratch_open(&scratch, err);
}

int enter_scratch(const struct patient *p, struct error *err)
{
	const struct namespaces ns = { .user = p->user_ns, .mount = true, .slave = !p->user_ns };
	return namespaces_enter(&ns, err) < 0 ? -1 : open_scratch(p, err);
}

/* Where there is no user namespace nothing else can be tried: one remedy is enough. */
static bool can_try(const struct patient *p, struct finding *f)
{
	if (p->user_ns_works)
		return true;
	finding_set(f, DOCTOR_KO, "not tried: there are no user namespaces");
	finding_remedy(f, "see \"user namespaces\"");
	return false;
}

static void try_it(struct patient *p, int (*fn)(void *arg, struct error *err), const char *good,
	const char *remedy, struct finding *f)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	if (!can_try(p, f))
		return;
	if (attempt(fn, p, &err) == 0)
		finding_set(f, DOCTOR_OK, "%s", good);
	else
		finding_failure(f, &err, remedy);
}

static int try_user(void *arg, struct error *err)
{
	(void)arg;
	return namespaces_enter(&(struct namespaces){ .user = true }, err);
}

/* Who else than the sysctls, which the error itself names. */
static const char *who_forbids_it(const struct patient *p)
{
	char type[32];
	_cleanup_free_ char *selinux = read_line_of("/sys/fs/selinux/enforce");
	if (p->mountinfo != NULL && !facts_root_type(p->mountinfo, type, sizeof(type)))
		return "run enroot outside of the chroot";
	if (has_seccomp_filter())
		return "a seccomp filter around the caller forbids it: start the container or the service "
		       "that enroot "
		       "runs in without (docker run --security-opt seccomp=unconfined)";
	if (selinux != NULL && str_eq(selinux, "1"))
		return "see \"SELinux\"";
	return "see \"AppArmor\"; a chroot on a mount of its own, or another security module, forbids it as "
	       "well";
}

void check_user_namespace(struct patient *p, const void *arg, struct finding *f)
{
	(void)arg;
	_cleanup_error_ struct error err = ERROR_INIT;
	if (!p->user_ns) {
		p->user_ns_works = true; /* as far as the others are concerned */
		finding_set(f, DOCTOR_OK, "not needed: ENROOT_ALLOW_SUPERUSER is set");
		return;
	}
	if (attempt(try_user, p, &err) == 0) {
		p->user_ns_works = true;
		finding_set(f, DOCTOR_OK, "can be created");
		return;
	}
	bool is_known = err.hint != NULL && !str_starts_with(err.hint, "run ");
	finding_set(f, DOCTOR_KO, "%s", err.message);
	finding_remedy(f, "%s", is_known ? err.hint : who_forbids_it(p));
}

static int try_mount(void *arg, struct error *err)
{
	return enter_scratch(arg, err) < 0 ? -1 : 0;
}

void check_mount_namespace(struct patient *p, const void *arg, struct finding *f)
{
	(void)arg;
	try_it(p, try_mount, "can be created, with a tmpfs in them",
		"AppArmor, SELinux or a container around the caller forbids mounts", f);
}

struct try_flag {
	const struct patient *p;
	int flag;
};

static int try_flag(void *arg, struct error *err)
{
	const struct try_flag *t = arg;
	const struct namespaces ns = {
		.user = t->p->user_ns,
		.ipc = (t->flag & CLONE_NEWIPC) != 0,
		.uts = (t->flag & CLONE_NEWUTS) != 0,
	};
	return namespaces_enter(&ns, err);
}

void check_namespace(struct patient *p, const void *arg, struct finding *f)
{
	const struct namespace_rule *rule = arg;
	struct try_flag t = { p, rule->flag };
	_cleanup_error_ struct error err = ERROR_INIT;
	if (!can_try(p, f))
		return;
	if (attempt(try_flag, &t, &err) == 0)
		finding_set(f, DOCTOR_OK, "can be created");
	else
		finding_failure(f, &err, "this kernel has none, or user.max_*_namespaces forbids them");
}

static int mount_fresh(const struct patient *p, const char *type, struct error *err)
{
	int scratch = open_scratch(p, err);
	_cleanup_close_ int place = scratch < 0 ? -1 : make_place(scratch, type, err);
	return place < 0 ? -1
			 : mount_filesystem(type, place, type, MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, err);
}

static int try_proc(void *arg, struct error *err)
{
	const struct patient *p = arg;
	if (namespaces_enter(&(struct namespaces){ .mount = true, .slave = !p->user_ns }, err) < 0)
		return -1;
	return mount_fresh(p, "proc", err);
}

static int try_pid(void *arg, struct error *err)
{
	const struct patient *p = arg;
	if (namespaces_enter(&(struct namespaces){ .user = p->user_ns, .pid = true }, err) < 0)
		return -1;
	return attempt(try_proc, arg, err); /* only children are in it */
}

void check_pid_namespace(struct patient *p, const void *arg, struct finding *f)
{
	(void)arg;
	try_it(p, try_pid, "can be created, with a /proc of their own", MASKED_MOUNTS, f);
}

static int try_net(void *arg, struct error *err)
{
	const struct patient *p = arg;
	const struct namespaces ns = { .user = p->user_ns, .mount = true, .slave = !p->user_ns, .net = true };
	return namespaces_enter(&ns, err) < 0 ? -1 : mount_fresh(p, "sysfs", err);
}

void check_net_namespace(struct patient *p, const void *arg, struct finding *f)
{
	(void)arg;
	try_it(p, try_net, "can be created, with a /sys of their own", MASKED_MOUNTS, f);
}

static int try_pivot(void *arg, struct error *err)
{
	int root = enter_scratch(arg, err);
	return root < 0 ? -1 : root_pivot(root, err);
}

void check_change_of_root(struct patient *p, const void *arg, struct finding *f)
{
	(void)arg;
	char type[32];
	bool is_ramfs = p->mountinfo != NULL && facts_root_type(p->mountinfo, type, sizeof(type)) &&
			str_eq(type, "rootfs");
	try_it(p, try_pivot,
		is_ramfs ? "by moving mounts: the host's root is an initial ramfs" : "by pivot_root",
		"run enroot outside of the chroot or the container around it", f);
}

/* The call that the filter swallows would fail on no descriptor at all. */
static int try_filter(void *arg, struct error *err)
{
	const struct patient *p = arg;
	if (!p->user_ns)
		return 0;
	if (namespaces_enter(&(struct namespaces){ .user = true, .mount = true }, err) < 0 ||
		privileges_drop(false, err) < 0 || filter_install(err) < 0)
		return -1;
	return fchown(-1, 0, 0) < 0 ? error_errno(err, "a filter was installed, without effect") : 0;
}

void check_filter(struct patient *p, const void *arg, struct finding *f)
{
	(void)arg;
	try_it(p, try_filter, p->user_ns ? "works" : "not needed",
		"the kernel needs CONFIG_SECCOMP_FILTER and CONFIG_CGROUPS", f);
}
