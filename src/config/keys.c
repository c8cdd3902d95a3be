#include "config/keys.h"

#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "build-config.h"

#define BOOLEAN(key, help) [SETTING_##key] = { "ENROOT_" #key, KEY_BOOLEAN, NULL, help }

const struct key settings_keys[SETTING_COUNT_] = {
	[SETTING_LIBRARY_PATH] = { "ENROOT_LIBRARY_PATH", KEY_PATH, ENROOT_LIBRARY_DIR,
		"Directory of the shell library that hooks source." },
	[SETTING_SYSCONF_PATH] = { "ENROOT_SYSCONF_PATH", KEY_PATH, ENROOT_SYSCONF_DIR,
		"Directory of the system's environ.d, mounts.d and hooks.d." },
	[SETTING_RUNTIME_PATH] = { "ENROOT_RUNTIME_PATH", KEY_PATH, "${XDG_RUNTIME_DIR:-/run}/enroot",
		"Working directory of running containers." },
	[SETTING_CONFIG_PATH] = { "ENROOT_CONFIG_PATH", KEY_PATH, "${XDG_CONFIG_HOME:-~/.config}/enroot",
		"Directory of the user's environ.d, mounts.d, hooks.d and credentials." },
	[SETTING_CACHE_PATH] = { "ENROOT_CACHE_PATH", KEY_PATH, "${XDG_CACHE_HOME:-~/.cache}/enroot",
		"Where downloaded layers are kept." },
	[SETTING_DATA_PATH] = { "ENROOT_DATA_PATH", KEY_PATH, "${XDG_DATA_HOME:-~/.local/share}/enroot",
		"Where containers are kept." },
	[SETTING_TEMP_PATH] = { "ENROOT_TEMP_PATH", KEY_PATH, "${TMPDIR:-/tmp}",
		"Where temporary files go." },
	[SETTING_SQUASH_OPTIONS] = { "ENROOT_SQUASH_OPTIONS", KEY_TEXT, NULL,
		"How images are written, in mksquashfs's words. Unset: -comp zstd, level 1." },
	[SETTING_GZIP_PROGRAM] = { "ENROOT_GZIP_PROGRAM", KEY_TEXT, NULL,
		"Accepted, not used: layers are decompressed in process." },
	[SETTING_ZSTD_OPTIONS] = { "ENROOT_ZSTD_OPTIONS", KEY_TEXT, NULL,
		"Accepted, not used: layers are cached as they come." },
	[SETTING_MAX_PROCESSORS] = { "ENROOT_MAX_PROCESSORS", KEY_NUMBER, "$(nproc)",
		"Threads to use at most (0 = all)." },
	[SETTING_MAX_CONNECTIONS] = { "ENROOT_MAX_CONNECTIONS", KEY_NUMBER, "10",
		"Connections to a registry at most (0 = unlimited)." },
	[SETTING_CONNECT_TIMEOUT] = { "ENROOT_CONNECT_TIMEOUT", KEY_NUMBER, "30",
		"Seconds that connecting may take (0 = unlimited)." },
	[SETTING_TRANSFER_TIMEOUT] = { "ENROOT_TRANSFER_TIMEOUT", KEY_NUMBER, "0",
		"Seconds that one transfer may take (0 = unlimited)." },
	[SETTING_TRANSFER_RETRIES] = { "ENROOT_TRANSFER_RETRIES", KEY_NUMBER, NULL,
		"How often a transfer that failed is tried again. Unset: 5." },
	[SETTING_LOGIN_SHELL] = { "ENROOT_LOGIN_SHELL", KEY_BOOLEAN, "yes",
		"Run the login phase and a login shell." },
	BOOLEAN(ALLOW_SUPERUSER, "As root, use no user namespace."),
	BOOLEAN(ALLOW_HTTP, "Fall back to plain HTTP for registries."),
	BOOLEAN(ROOTFS_WRITABLE, "Make root filesystems writable (start --rw)."),
	BOOLEAN(REMAP_ROOT, "Be root inside containers (start --root)."),
	BOOLEAN(UNSHARE_NET, "A network namespace of its own (start --net)."),
	BOOLEAN(UNSHARE_PID, "A PID namespace of its own (start --pid)."),
	BOOLEAN(UNSHARE_IPC, "An IPC namespace of its own (start --ipc)."),
	BOOLEAN(UNSHARE_UTS, "A UTS namespace of its own (start --uts)."),
	BOOLEAN(BUNDLE_ALL, "Include the user's configuration in bundles (bundle --all)."),
	BOOLEAN(BUNDLE_CHECKSUM, "Embed a checksum in bundles (bundle --checksum)."),
	BOOLEAN(FORCE_OVERRIDE, "Overwrite what exists (--force)."),
	BOOLEAN(MOUNT_HOME, "Mount the home directory of the user."),
	BOOLEAN(RESTRICT_DEV, "Give containers a minimal /dev."),
	[SETTING_DEVICES] = { "ENROOT_DEVICES", KEY_TEXT, NULL,
		"Devices for containers (start --device): vendor/class=name, comma-separated." },
	[SETTING_HOOKS_EXTRA] = { "ENROOT_HOOKS_EXTRA", KEY_TEXT, NULL,
		"Hooks that are off unless named here: slurm-pmi, slurm-pytorch, sharp, mig-config." },
	BOOLEAN(DEBUG, "Print debugging information."),
	[SETTING_NATIVE_OVERLAYFS] = { "ENROOT_NATIVE_OVERLAYFS", KEY_BOOLEAN, "yes",
		"Use the kernel's overlayfs, not fuse-overlayfs, for image starts." },
	[SETTING_OVERLAY_SIZE] = { "ENROOT_OVERLAY_SIZE", KEY_TEXT, NULL,
		"Memory that changes to a started image may take: bytes, a suffix k, m or g, or a "
		"percentage. Unset: "
		"50%." },
	[SETTING_LIMIT_BYTES] = { "ENROOT_LIMIT_BYTES", KEY_SIZE, "1T",
		"Bytes that the layers of one image may unpack to." },
	[SETTING_LIMIT_INODES] = { "ENROOT_LIMIT_INODES", KEY_NUMBER, "50000000",
		"Files that the layers of one image may hold." },
	[SETTING_LIMIT_RATIO] = { "ENROOT_LIMIT_RATIO", KEY_NUMBER, "1000",
		"Compression ratio of a layer beyond its first GiB." },
	BOOLEAN(ALLOW_DIFFID_MISMATCH,
		"Warn about layers that are not what the image says, instead of failing."),
	BOOLEAN(SYNC, "Sync the file system before a container appears."),
	[SETTING_CACHE_KEEP] = { "ENROOT_CACHE_KEEP", KEY_NUMBER, "7",
		"Days for which cache prune keeps what was used." },
	[SETTING_CACHE_SIZE] = { "ENROOT_CACHE_SIZE", KEY_SIZE, NULL,
		"Bytes that cache prune leaves in the cache. Unset: it removes all that is old." },
	[SETTING_CACHE_SYSTEM_PATH] = { "ENROOT_CACHE_SYSTEM_PATH", KEY_TEXT, NULL,
		"More caches to look in, colon-separated; they are only read." },
	[SETTING_CACHE_TRUST] = { "ENROOT_CACHE_TRUST", KEY_TEXT, NULL,
		"User ids whose cached images are used as well (only from enroot.conf)." },
};

enum setting key_find(const char *name, size_t len)
{
	for (enum setting i = 0; i < SETTING_COUNT_; i++) {
		const char *key = settings_keys[i].name;
		if (strncmp(key, name, len) == 0 && key[len] == '\0')
			return i;
	}
	return SETTING_COUNT_;
}

static bool is_one_of(const char *name, size_t len, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strlen(list[i]) == len && memcmp(list[i], name, len) == 0)
			return true;
	}
	return false;
}

bool key_is_taken(const char *name, size_t len)
{
	static const char *const names[] = { "SSL_CERT_DIR", "SSL_CERT_FILE", "all_proxy", "no_proxy",
		"http_proxy", "https_proxy" };
	static const struct {
		const char *prefix, *rest;
	} families[] = {
		{ "ENROOT_", "ABCDEFGHIJKLMNOPQRSTUVWXYZ_" },
		{ "MELLANOX_", "ABCDEFGHIJKLMNOPQRSTUVWXYZ_" },
		{ "NVIDIA_", "ABCDEFGHIJKLMNOPQRSTUVWXYZ_" },
	};
	if (is_one_of(name, len, names, ARRAY_SIZE(names)))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		size_t prefix = strlen(families[i].prefix);
		if (len > prefix && memcmp(name, families[i].prefix, prefix) == 0)
			return strspn(name + prefix, families[i].rest) >= len - prefix;
	}
	return false;
}

bool key_value_is_false(const char *value)
{
	static const char *const words[] = { "n", "no", "N", "No", "NO", "f", "F", "false", "False",
		"FALSE" };
	return is_one_of(value, strlen(value), words, ARRAY_SIZE(words));
}
