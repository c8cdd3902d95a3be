/* What the kernel and its security modules allow, as they tell themselves. */
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/str.h"
#include "doctor/facts.h"
#include "doctor/private.h"

#define SMALL_FILE 65536

static char *read_small(const char *path)
{
	char *text;
	size_t len;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && fd_read_all(fd, SMALL_FILE, &text, &len) == 0 ? text : NULL;
}

char *read_line_of(const char *path)
{
	char *text = read_small(path);
	if (text != NULL)
		text[strcspn(text, "\n")] = '\0';
	return text;
}

bool has_capability(int capability)
{
	uint64_t set = 0;
	_cleanup_free_ char *status = read_small("/proc/self/status");
	return status != NULL && facts_status_number(status, "CapEff", 16, &set) &&
	       (set >> capability & 1) != 0;
}

bool has_seccomp_filter(void)
{
	uint64_t mode = 0;
	_cleanup_free_ char *status = read_small("/proc/self/status");
	return status != NULL && facts_status_number(status, "Seccomp", 10, &mode) && mode == 2;
}

void check_kernel(struct patient *p, const void *arg, struct finding *f)
{
	(void)p;
	(void)arg;
	struct utsname name;
	unsigned major = 0, minor = 0;
	uname(&name);
	finding_set(f, DOCTOR_OK, "%s %s", name.sysname, name.release);
	if (!facts_kernel_version(name.release, &major, &minor))
		return;
	if (major < 4 || (major == 4 && minor < 18)) {
		f->status = DOCTOR_KO;
		finding_remedy(f, "Linux 4.18 or newer is needed");
	} else if (major < 5 || (major == 5 && minor < 11)) {
		f->status = DOCTOR_WARN;
		finding_remedy(f,
			"images are started read-only, or by fuse-overlayfs: ordinary users have had "
			"overlays since Linux 5.11");
	}
}

void check_sysctl(struct patient *p, const void *arg, struct finding *f)
{
	const struct sysctl_rule *rule = arg;
	_cleanup_free_ char *path = xasprintf("/proc/sys/%s", rule->path);
	_cleanup_free_ char *value = read_line_of(path);
	if (value == NULL) {
		finding_set(f, DOCTOR_OK, "not in this kernel");
		return;
	}
	finding_set(f, DOCTOR_OK, "%s", value);
	if (!str_eq(value, rule->forbidding) || (rule->root_may && has_capability(CAP_SYS_ADMIN)))
		return;
	/* Only where there is to be one. */
	f->status = p->user_ns || !rule->root_may ? DOCTOR_KO : DOCTOR_WARN;
	finding_remedy(f, "%s", rule->remedy);
}

/* The profile that this process runs under: "NAME (mode)", or "unconfined". */
static char *apparmor_label(void)
{
	char *label = read_line_of("/proc/self/attr/apparmor/current");
	return label != NULL ? label : read_line_of("/proc/self/attr/current");
}

void check_apparmor(struct patient *p, const void *arg, struct finding *f)
{
	(void)arg;
	_cleanup_free_ char *enabled = read_line_of("/sys/module/apparmor/parameters/enabled");
	if (enabled == NULL || !str_eq(enabled, "Y")) {
		finding_set(f, DOCTOR_OK, "not in use");
		return;
	}
	_cleanup_free_ char *label = apparmor_label();
	_cleanup_free_ char *restricted =
		read_line_of("/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
	bool is_unconfined = label == NULL || str_starts_with(label, "unconfined");
	if (restricted == NULL || !str_eq(restricted, "1") || !is_unconfined || !p->user_ns ||
		has_capability(CAP_SYS_ADMIN)) {
		finding_set(f, DOCTOR_OK, "profile %s", label != NULL ? label : "unknown");
		return;
	}
	char self[PATH_MAX] = "enroot";
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n > 0)
		self[n] = '\0';
	finding_set(f, DOCTOR_KO,
		"kernel.apparmor_restrict_unprivileged_userns is 1, and no profile is loaded for %s", self);
	finding_remedy(f, "install share/enroot/apparmor.profile as /etc/apparmor.d/enroot and run "
			  "\"apparmor_parser -r "
			  "/etc/apparmor.d/enroot\"");
}

void check_selinux(struct patient *p, const void *arg, struct finding *f)
{
	(void)arg;
	_cleanup_free_ char *enforce = read_line_of("/sys/fs/selinux/enforce");
	if (enforce == NULL || !str_eq(enforce, "1")) {
		finding_set(f, DOCTOR_OK, enforce == NULL ? "not in use" : "permissive");
		return;
	}
	_cleanup_free_ char *domain = read_line_of("/proc/self/attr/current");
	finding_set(f, DOCTOR_OK, "enforcing, domain %s", domain != NULL ? domain : "unknown");
	if (p->user_ns && !p->user_ns_works) {
		f->status = DOCTOR_WARN;
		finding_remedy(
			f, "look for \"avc: denied { create } … user_namespace\" with ausearch -m avc");
	}
}

void check_chroot(struct patient *p, const void *arg, struct finding *f)
{
	(void)arg;
	char type[32];
	if (p->mountinfo == NULL) {
		finding_set(f, DOCTOR_KO, "/proc cannot be read");
		finding_remedy(f, "mount -t proc proc /proc");
	} else if (facts_root_type(p->mountinfo, type, sizeof(type))) {
		finding_set(f, DOCTOR_OK, "no; / is %s", type);
	} else {
		finding_set(f, p->user_ns ? DOCTOR_KO : DOCTOR_WARN, "the caller is in a chroot");
		finding_remedy(f,
			"the kernel refuses user namespaces in there: run enroot outside, or enter the "
			"directory by pivot_root (unshare --root, systemd-nspawn)");
	}
}
