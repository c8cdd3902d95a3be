#include "doctor/doctor.h"

#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "doctor/private.h"

#define MOUNTINFO_MAX_BYTES (16u << 20)

static const struct sysctl_rule max_user_namespaces = { "user/max_user_namespaces", "0", false,
	"sysctl -w user.max_user_namespaces=15000" };
static const struct sysctl_rule max_mnt_namespaces = { "user/max_mnt_namespaces", "0", false,
	"sysctl -w user.max_mnt_namespaces=15000" };
static const struct sysctl_rule unprivileged_clone = { "kernel/unprivileged_userns_clone", "0", true,
	"sysctl -w kernel.unprivileged_userns_clone=1" };

static const struct namespace_rule ipc = { CLONE_NEWIPC }, uts = { CLONE_NEWUTS };

static const struct directory_rule runtime = { SETTING_RUNTIME_PATH, "starting" };
static const struct directory_rule data = { SETTING_DATA_PATH, "create, load" };
static const struct directory_rule cache = { SETTING_CACHE_PATH, "import, load" };
static const struct directory_rule temp = { SETTING_TEMP_PATH, "import, bundles" };

static const struct program_rule bash = { "bash", "conf scripts, hooks in shell" };
static const struct program_rule getent = { "getent", "users that are not in /etc/passwd" };

/* In the order in which one thing hides another: the cause of a failure stands above or right below it. */
static const struct check {
	const char *name;
	enum doctor_need need;
	check_fn *run;
	const void *arg;
} checks[] = {
	{ "kernel", DOCTOR_START, check_kernel, NULL },
	{ "user namespaces", DOCTOR_START, check_user_namespace, NULL },
	{ "sysctl user.max_user_namespaces", DOCTOR_START, check_sysctl, &max_user_namespaces },
	{ "sysctl kernel.unprivileged_userns_clone", DOCTOR_START, check_sysctl, &unprivileged_clone },
	{ "AppArmor", DOCTOR_START, check_apparmor, NULL },
	{ "SELinux", DOCTOR_OPTIONAL, check_selinux, NULL },
	{ "chroot", DOCTOR_START, check_chroot, NULL },
	{ "mount namespaces", DOCTOR_START, check_mount_namespace, NULL },
	{ "sysctl user.max_mnt_namespaces", DOCTOR_START, check_sysctl, &max_mnt_namespaces },
	{ "runtime directory", DOCTOR_START, check_directory, &runtime },
	{ "change of the root directory", DOCTOR_START, check_change_of_root, NULL },
	{ "seccomp filter", DOCTOR_START, check_filter, NULL },
	{ "PID namespaces (--pid)", DOCTOR_OPTIONAL, check_pid_namespace, NULL },
	{ "network namespaces (--net)", DOCTOR_OPTIONAL, check_net_namespace, NULL },
	{ "IPC namespaces (--ipc)", DOCTOR_OPTIONAL, check_namespace, &ipc },
	{ "UTS namespaces (--uts)", DOCTOR_OPTIONAL, check_namespace, &uts },
	{ "/dev/fuse", DOCTOR_IMAGE_START, check_fuse_device, NULL },
	{ "FUSE mounts", DOCTOR_IMAGE_START, check_fuse_mount, NULL },
	{ "overlay mounts", DOCTOR_OPTIONAL, check_overlay, NULL },
	{ "user xattrs on tmpfs", DOCTOR_OPTIONAL, check_xattrs, NULL },
	{ "cgroups", DOCTOR_OPTIONAL, check_cgroups, NULL },
	{ "limits", DOCTOR_OPTIONAL, check_limits, NULL },
	{ "data directory", DOCTOR_OPTIONAL, check_directory, &data },
	{ "cache directory", DOCTOR_OPTIONAL, check_directory, &cache },
	{ "temporary directory", DOCTOR_OPTIONAL, check_directory, &temp },
	{ "bash", DOCTOR_OPTIONAL, check_program, &bash },
	{ "getent", DOCTOR_OPTIONAL, check_program, &getent },
	{ "GPU", DOCTOR_OPTIONAL, check_gpu, NULL },
	{ "CDI specifications", DOCTOR_OPTIONAL, check_cdi, NULL },
};

void finding_set(struct finding *f, enum doctor_status status, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	free(f->found);
	f->found = xvasprintf(fmt, ap);
	f->status = status;
	va_end(ap);
}

void finding_remedy(struct finding *f, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	free(f->remedy);
	f->remedy = xvasprintf(fmt, ap);
	va_end(ap);
}

void finding_failure(struct finding *f, const struct error *err, const char *remedy)
{
	finding_set(f, DOCTOR_KO, "%s", err->message != NULL ? err->message : "it failed");
	if (err->hint != NULL)
		finding_remedy(f, "%s", err->hint);
	else if (remedy != NULL)
		finding_remedy(f, "%s", remedy);
}

static void meet(struct patient *p, const struct settings *settings)
{
	*p = (struct patient){
		.settings = settings,
		.user_ns = !(settings_is_true(settings, SETTING_ALLOW_SUPERUSER) && geteuid() == 0),
		.has_fuse_overlay = find_program("fuse-overlayfs"),
	};
	_cleanup_close_ int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	size_t len;
	if (fd < 0 || fd_read_all(fd, MOUNTINFO_MAX_BYTES, &p->mountinfo, &len) < 0)
		p->mountinfo = NULL;
}

void doctor_run(struct doctor_report *report, const struct settings *settings)
{
	struct patient p;
	meet(&p, settings);
	for (unsigned i = 0; i < ARRAY_SIZE(checks); i++) {
		struct finding f = { 0 };
		checks[i].run(&p, checks[i].arg, &f);
		doctor_report_add(report, checks[i].name, checks[i].need, f.status, f.found, f.remedy);
	}
	free(p.mountinfo);
}

void doctor_report_add(struct doctor_report *report, const char *name, enum doctor_need need,
	enum doctor_status status, char *found, char *remedy)
{
	grow_array(&report->items, &report->capacity, report->count + 1);
	report->items[report->count++] = (struct doctor_result){
		.name = name,
		.need = need,
		.status = status == DOCTOR_KO && need == DOCTOR_OPTIONAL ? DOCTOR_WARN : status,
		.found = found != NULL ? found : xstrdup(""),
		.remedy = remedy,
	};
}

void doctor_report_cleanup(struct doctor_report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		free(report->items[i].found);
		free(report->items[i].remedy);
	}
	free(report->items);
	*report = DOCTOR_REPORT_INIT;
}

bool doctor_can_start(const struct doctor_report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		if (report->items[i].need == DOCTOR_START && report->items[i].status == DOCTOR_KO)
			return false;
	}
	return true;
}

const char *doctor_status_name(enum doctor_status status)
{
	static const char *const names[] = { "OK", "WARN", "KO" };
	return names[status];
}

const char *doctor_need_name(enum doctor_need need)
{
	static const char *const names[] = { "start", "image start", "optional" };
	return names[need];
}
