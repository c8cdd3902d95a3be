/*
 * sandbox/mount.h - mounts inside a root filesystem that nobody trusts
 *
 * Targets are resolved in-root to a descriptor, and mounted on through it (open_tree, move_mount, mount(2) on
 * /proc/self/fd/N): no path is walked twice. Flags that the host's mounts carry (ro, nosuid, nodev, noexec, the
 * atime kinds) stay where the kernel locks them, whatever an entry asks for.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "sandbox/fstab.h"

/*
 * Do what one entry says below ROOT (descriptor of the root filesystem, borrowed). The message begins with the
 * entry's .where. With nofail a failure is a warning (none with silent), and 0 is returned.
 */
int mount_entry(int root, const struct fstab_entry *entry, struct error *err);

/* All entries with this pass, in order; stops at the first failure. */
int mount_pass(int root, const struct fstab *fstab, int pass, struct error *err);

/* Is anything to be created for an entry (its x-create target is missing)? For read-only root filesystems. */
bool mount_entry_creates(int root, const struct fstab_entry *entry);

/*
 * Open the place of a mount in ROOT (O_PATH), following symlinks in-root; what is missing is made as CREATE says
 * (not AUTO): parents 0755, the target itself mode 000, which is how export recognises it later. Returns a
 * descriptor that the caller owns.
 */
int mount_open_target(int root, const char *path, enum fstab_create create, struct error *err);

/*
 * The pieces, on descriptors. TARGET is an O_PATH descriptor of what to mount on (a symlink itself, too, if it
 * was opened O_NOFOLLOW). FLAGS are MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_NOATIME, MS_NODIRATIME,
 * MS_RELATIME, MS_STRICTATIME, MS_NOSYMFOLLOW, and MS_REC for a recursive bind (flags touch only the top).
 * Messages are "cannot mount SOURCE: strerror" and the like, without the target: the caller knows it.
 */
int mount_bind(const char *source, int target, unsigned long flags, struct error *err);
int mount_bind_fd(int source, int target, unsigned long flags, struct error *err);
int mount_filesystem(const char *source, int target, const char *type, unsigned long flags, const char *data,
	struct error *err);

/* Change the mount that FD stands at the top of: flags (locked ones stay), or propagation (MS_SLAVE, MS_PRIVATE,
 * MS_SHARED or MS_UNBINDABLE, with MS_REC for all below). */
int mount_set_flags(int fd, unsigned long set, unsigned long clear, struct error *err);
/* The same flags for all mounts below it, too. false: FD is not at the top of a mount, or the kernel is older than
 * Linux 5.12. */
bool mount_set_flags_below(int fd, unsigned long set);
int mount_set_propagation(int fd, unsigned long propagation, struct error *err);

/* Lazily unmount the mount that FD stands at the top of. */
int mount_detach(int fd, struct error *err);
