/*
 * config/settings.h - what is configured, and where it came from
 *
 * One table holds every key with its type, default and help (settings.c). Precedence: flags (the commands'
 * business) over "#ENROOT_" directives of a conf script over a non-empty environment over enroot.conf, where the
 * first assignment wins, over the default. A false value (n, no, f, false…) leaves the key unset.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strv.h"

enum setting {
	SETTING_LIBRARY_PATH,
	SETTING_SYSCONF_PATH,
	SETTING_RUNTIME_PATH,
	SETTING_CONFIG_PATH,
	SETTING_CACHE_PATH,
	SETTING_DATA_PATH,
	SETTING_TEMP_PATH,
	SETTING_SQUASH_OPTIONS,
	SETTING_GZIP_PROGRAM,
	SETTING_ZSTD_OPTIONS,
	SETTING_MAX_PROCESSORS,
	SETTING_MAX_CONNECTIONS,
	SETTING_CONNECT_TIMEOUT,
	SETTING_TRANSFER_TIMEOUT,
	SETTING_TRANSFER_RETRIES,
	SETTING_LOGIN_SHELL,
	SETTING_ALLOW_SUPERUSER,
	SETTING_ALLOW_HTTP,
	SETTING_ROOTFS_WRITABLE,
	SETTING_REMAP_ROOT,
	SETTING_UNSHARE_NET,
	SETTING_UNSHARE_PID,
	SETTING_UNSHARE_IPC,
	SETTING_UNSHARE_UTS,
	SETTING_BUNDLE_ALL,
	SETTING_BUNDLE_CHECKSUM,
	SETTING_FORCE_OVERRIDE,
	SETTING_MOUNT_HOME,
	SETTING_RESTRICT_DEV,
	SETTING_DEBUG,
	SETTING_NATIVE_OVERLAYFS,
	SETTING_LIMIT_BYTES,
	SETTING_LIMIT_INODES,
	SETTING_LIMIT_RATIO,
	SETTING_ALLOW_DIFFID_MISMATCH,
	SETTING_SYNC,
	SETTING_COUNT_
};

struct settings;

/* Read the configuration files and the environment. */
int settings_load(struct settings **settings, struct error *err);
void settings_free(struct settings *s);

/* The value in force; NULL if unset or false. Good until the settings are changed or freed. */
const char *settings_get(const struct settings *s, enum setting key);
bool settings_is_true(const struct settings *s, enum setting key);
/* The value as a number (sizes may have a suffix K, M, G, T); ERR names the key when it is none. */
int settings_number(const struct settings *s, enum setting key, uint64_t *value, struct error *err);

/* A flag of the command line: beats everything. VALUE NULL unsets. */
void settings_set(struct settings *s, enum setting key, const char *value);

/* Everything that hooks and `info` see: KEY=VALUE, sorted; foreign ENROOT_* of the environment included. */
void settings_export(const struct settings *s, struct strv *env);
