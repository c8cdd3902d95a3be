/*
 * sandbox/mount-calls.h - the system calls of mounting, with what older kernels need instead (private)
 *
 * All return 0 or a descriptor, or -1 with errno. TARGET descriptors are mounted on, FD ones stand at the top of a
 * mount. FLAGS are MS_*.
 */
#pragma once

/* Clone the mount (with MS_REC in FLAGS: and all below it) at PATH, or at FD if PATH is NULL, and put it on TARGET.
 * Returns a descriptor of the new mount's top. */
int call_bind(const char *path, int fd, int target, unsigned long flags);

/* Move the mount at PATH, or at FD if PATH is NULL, onto TARGET. */
int call_move(const char *path, int fd, int target);

/* Mount a new file system. */
int call_mount(const char *source, int target, const char *type, unsigned long flags, const char *data);

/* Reconfigure the file system whose mount FD stands on. */
int call_remount(int fd, unsigned long flags, const char *data);

/*
 * Set and clear flags of one mount, and with PROPAGATION (one of MS_SHARED… or 0) its propagation. What the kernel
 * has locked stays: a "rw" or an atime kind that it refuses is left out.
 */
int call_set_attributes(int fd, unsigned long set, unsigned long clear, unsigned long propagation);

/* Set flags of a mount and of all mounts below it; ENOSYS before Linux 5.12. */
int call_set_attributes_below(int fd, unsigned long set);

/* PROPAGATION is one of MS_SHARED…, with MS_REC for all below too. */
int call_set_propagation(int fd, unsigned long propagation);

int call_detach(int fd);
