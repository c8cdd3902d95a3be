/*
 * doctor/private.h - what the checks share (private to the room)
 */
#pragma once

#include "base/error.h"
#include "doctor/doctor.h"

struct patient {
	const struct settings *settings;
	bool user_ns;          /* a start makes a user namespace (not as root with ENROOT_ALLOW_SUPERUSER) */
	bool user_ns_works;    /* known once check_user_namespace() ran */
	bool has_fuse_overlay; /* the program fuse-overlayfs is there */
	char *mountinfo;       /* of this process, owned; NULL: there is no /proc */
};

/* What a check found; it begins as OK. */
struct finding {
	enum doctor_status status;
	char *found, *remedy; /* owned */
};

/* Set the status, what was found, and (for all but DOCTOR_OK) the remedy. */
void finding_set(struct finding *f, enum doctor_status status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void finding_remedy(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* KO with the message of ERR and its hint, or REMEDY where it has none. */
void finding_failure(struct finding *f, const struct error *err, const char *remedy);

/* ARG is the row's. */
typedef void check_fn(struct patient *p, const void *arg, struct finding *f);

check_fn check_kernel, check_sysctl, check_apparmor, check_chroot, check_selinux;
check_fn check_user_namespace, check_mount_namespace, check_namespace, check_pid_namespace,
	check_net_namespace;
check_fn check_filter, check_change_of_root, check_fuse_device, check_fuse_mount, check_overlay, check_xattrs;
check_fn check_cgroups, check_limits, check_directory, check_program;
check_fn check_gpu, check_cdi;

/* Arguments of rows. */
struct sysctl_rule {
	const char *path, *forbidding; /* below /proc/sys, and the value that forbids it */
	bool root_may;                 /* CAP_SYS_ADMIN is exempt */
	const char *remedy;
};
struct namespace_rule {
	int flag; /* CLONE_NEW… */
};
struct directory_rule {
	enum setting key;
	const char *use;
};
struct program_rule {
	const char *name, *use;
};

/* Has the caller this capability (CAP_…), as /proc/self/status says? */
bool has_capability(int capability);
/* Does it run under a seccomp filter? */
bool has_seccomp_filter(void);
bool find_program(const char *name);
/* A small file on one line, owned by the caller; NULL: it cannot be read. */
char *read_line_of(const char *path);

/*
 * In a child: a user namespace (where a start makes one), a mount namespace, and the scratch tmpfs of a start.
 * Returns its descriptor (O_PATH), which belongs to the process.
 */
int enter_scratch(const struct patient *p, struct error *err);
/* Make the directory NAME in DIR and open it (O_PATH). */
int make_place(int dir, const char *name, struct error *err);
