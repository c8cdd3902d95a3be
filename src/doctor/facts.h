/*
 * doctor/facts.h - what files of the kernel say (pure functions of their text)
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "6.18.44-generic" → 6, 18. false: no version. */
bool facts_kernel_version(const char *release, unsigned *major, unsigned *minor);

/*
 * The type of the file system that is "/" in a mountinfo, proc_pid_mountinfo(5), into TYPE. false: no mount is "/", which
 * is how a chroot shows.
 */
bool facts_root_type(const char *mountinfo, char *type, size_t size);

/* How cgroups are mounted: "v1", "v2", "v1 and v2" (hybrid), or NULL. */
const char *facts_cgroups(const char *mountinfo);

/* The value of a "Key:\tvalue" line of /proc/PID/status as a number in BASE. false: there is none. */
bool facts_status_number(const char *status, const char *key, int base, uint64_t *value);

/* The driver's version in /proc/driver/nvidia/version, into VERSION. */
bool facts_nvidia_version(const char *text, char *version, size_t size);
