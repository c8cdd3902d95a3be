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
	SETTING_DEVICES,
	SETTING_HOOKS_EXTRA,
	SETTING_DEBUG,
	SETTING_NATIVE_OVERLAYFS,
	SETTING_OVERLAY_SIZE,
	SETTING_LIMIT_BYTES,
	SETTING_LIMIT_INODES,
	SETTING_LIMIT_RATIO,
	SETTING_ALLOW_DIFFID_MISMATCH,
	SETTING_SYNC,
	SETTING_CACHE_KEEP,
	SETTING_CACHE_SIZE,
	SETTING_CACHE_SYSTEM_PATH,
	SETTING_CACHE_TRUST,
	SETTING_COUNT_
};

struct settings;

/* Where a value came from, the weakest first. */
enum setting_source {
	SETTING_FROM_DEFAULT,
	SETTING_FROM_FILE,
	SETTING_FROM_ENVIRONMENT,
	SETTING_FROM_DIRECTIVE,
	SETTING_FROM_FLAG,
};

/* For tests: the environment variable ENROOT_TEST_CONF_PATH names another enroot.conf (its drop-ins are in
 * "$ENROOT_TEST_CONF_PATH.d"). It is no setting and is not passed on. */
#define SETTINGS_TEST_CONF "ENROOT_TEST_CONF_PATH"

/*
 * Read the configuration files and the environment. Keys of the files that are no ENROOT_* (NVIDIA_VISIBLE_DEVICES,
 * http_proxy…) are put into the environment of the process, where they are unset or empty. A file that is not
 * well-formed: "Invalid configuration file: PATH".
 */
int settings_load(struct settings **settings, struct error *err);
/* The same without any file (bundles bring their settings along). */
int settings_load_environment(struct settings **settings, struct error *err);
void settings_free(struct settings *s);

/* The path of enroot.conf. */
const char *settings_config_file(const struct settings *s);

/* Take over the lines "#ENROOT_X=y" of a conf script (LEN bytes of TEXT, whose path is NAME): they beat
 * environment and files, and the last one wins. Foreign keys (ENROOT_ROOTFS) too: see settings_foreign(). */
void settings_add_directives(struct settings *s, const char *name, const char *text, size_t len);

/* The value in force; NULL if unset or false. Good until the settings are changed or freed. */
const char *settings_get(const struct settings *s, enum setting key);
bool settings_is_true(const struct settings *s, enum setting key);
/* The value as a number (sizes may have a suffix K, M, G, T); ERR names the key when it is none. An unset key is an
 * error too: ask settings_get() first where it may be. */
int settings_number(const struct settings *s, enum setting key, uint64_t *value, struct error *err);

/* Where the value in force came from. *WHERE (may be NULL) becomes the path of the file, or NULL. */
enum setting_source settings_source(const struct settings *s, enum setting key, const char **where);
const char *setting_source_name(enum setting_source source); /* "default", "file"… */

/* An ENROOT_* variable that is no setting of ours (ENROOT_ROOTFS); NULL if unset or false. */
const char *settings_foreign(const struct settings *s, const char *name);

/* "ENROOT_X" of a key. */
const char *setting_name(enum setting key);

/* A flag of the command line: beats everything. VALUE NULL unsets. */
void settings_set(struct settings *s, enum setting key, const char *value);

/*
 * Make the directories CACHE, DATA and RUNTIME, 0700, where they are missing. Never fails: only a command that needs
 * one does, by settings_need_directory(). The mains call this once. Where the default RUNTIME cannot be made, the key
 * becomes ${TMPDIR:-/tmp}/enroot-runtime-UID.
 */
void settings_make_directories(struct settings *s);

/* Is the directory of KEY there? ERR says why not. RUNTIME's fallback must also belong to the caller alone. */
int settings_need_directory(const struct settings *s, enum setting key, struct error *err);

/* Everything that `info` shows and hooks see: KEY=VALUE, sorted; ENROOT_VERSION and foreign ENROOT_* included, unset
 * and false ones left out. */
void settings_export(const struct settings *s, struct strv *env);

/*
 * The environment for hooks and for ${VAR} in files: that of the process with settings_export() in place of its
 * ENROOT_*, and XDG_{DATA,CONFIG,CACHE}_HOME and XDG_RUNTIME_DIR filled in where they are missing.
 */
void settings_hook_environment(const struct settings *s, struct strv *env);
