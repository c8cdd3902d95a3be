/* What the host gives: cgroups, limits, directories, programs. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"
#include "doctor/facts.h"
#include "doctor/private.h"

#define ENOUGH_BYTES  (UINT64_C(1) << 30)
#define ENOUGH_INODES 10000
#define ENOUGH_FILES  1024

void check_cgroups(struct patient *p, const void *arg, struct finding *f)
{
	(void)arg;
	const char *kind = p->mountinfo != NULL ? facts_cgroups(p->mountinfo) : NULL;
	if (kind != NULL) {
		finding_set(f, DOCTOR_OK, "%s", kind);
		return;
	}
	finding_set(f, DOCTOR_WARN, "none are mounted");
	finding_remedy(f, "programs inside cannot see their limits: mount -t cgroup2 cgroup2 /sys/fs/cgroup");
}

static const struct {
	int resource;
	rlim_t enough;
	const char *unit, *remedy;
} limits[] = {
	{ RLIMIT_NOFILE, ENOUGH_FILES, "open files", "raise the limit: ulimit -n 1024" },
	{ RLIMIT_FSIZE, RLIM_INFINITY, "bytes in a file",
		"larger images cannot be written: ulimit -f unlimited" },
	{ RLIMIT_AS, RLIM_INFINITY, "bytes of addresses", "large images may not fit: ulimit -v unlimited" },
};

void check_limits(struct patient *p, const void *arg, struct finding *f)
{
	(void)p;
	(void)arg;
	for (unsigned i = 0; i < ARRAY_SIZE(limits); i++) {
		struct rlimit now;
		if (getrlimit(limits[i].resource, &now) < 0 || now.rlim_cur >= limits[i].enough)
			continue;
		finding_set(f, DOCTOR_WARN, "%ju %s", (uintmax_t)now.rlim_cur, limits[i].unit);
		finding_remedy(f, "%s", limits[i].remedy);
		return;
	}
	finding_set(f, DOCTOR_OK, "high enough");
}

void check_directory(struct patient *p, const void *arg, struct finding *f)
{
	const struct directory_rule *rule = arg;
	const char *path = settings_get(p->settings, rule->key);
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_free_ char *elsewhere =
		xasprintf("set %s to a directory of yours (for %s)", setting_name(rule->key), rule->use);
	if (settings_need_directory(p->settings, rule->key, &err) < 0) {
		finding_failure(f, &err, elsewhere);
		return;
	}
	if (access(path, R_OK | W_OK | X_OK) < 0) {
		finding_set(f, DOCTOR_KO, "%s is not writable: %s", path, strerror(errno));
		finding_remedy(f, "%s", elsewhere);
		return;
	}
	struct statvfs fs;
	if (rule->key == SETTING_RUNTIME_PATH || statvfs(path, &fs) < 0) {
		finding_set(f, DOCTOR_OK, "%s", path); /* a tmpfs goes over it */
		return;
	}
	uint64_t bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	bool has_inodes = fs.f_files == 0 || fs.f_favail >= ENOUGH_INODES; /* 0: there is no such limit */
	finding_set(f, bytes >= ENOUGH_BYTES && has_inodes ? DOCTOR_OK : DOCTOR_WARN, "%s, %s free%s", path,
		str_bytes(bytes), has_inodes ? "" : ", few inodes");
	if (f->status != DOCTOR_OK)
		finding_remedy(f, "free some space, or %s", elsewhere);
}

bool find_program(const char *name)
{
	const char *path = getenv("PATH");
	if (path == NULL)
		path = "/usr/local/bin:/usr/bin:/bin";
	for (size_t len; *path != '\0'; path += len + (path[len] == ':')) {
		len = strcspn(path, ":");
		_cleanup_free_ char *file = xasprintf("%.*s/%s", (int)len, path, name);
		if (access(file, X_OK) == 0)
			return true;
	}
	return false;
}

void check_program(struct patient *p, const void *arg, struct finding *f)
{
	(void)p;
	const struct program_rule *rule = arg;
	if (find_program(rule->name)) {
		finding_set(f, DOCTOR_OK, "is there");
		return;
	}
	finding_set(f, DOCTOR_WARN, "is not in PATH");
	finding_remedy(f, "install %s (for %s)", rule->name, rule->use);
}
