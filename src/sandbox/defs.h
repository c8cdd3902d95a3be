/*
 * sandbox/defs.h - the container's login.defs(5) and default/useradd
 *
 * The files are the image's: only keys of a fixed table are taken, as text; nothing in them is evaluated.
 * Pure functions.
 */
#pragma once

#include <stdbool.h>

enum def {
	DEF_CREATE_HOME,
	DEF_CREATE_MAIL_SPOOL,
	DEF_DEFAULT_HOME,
	DEF_ENV_PATH,
	DEF_ENV_SUPATH,
	DEF_ENV_TZ,
	DEF_FAKE_SHELL,
	DEF_HUSHLOGIN_FILE,
	DEF_MAIL_CHECK_ENAB,
	DEF_MAIL_DIR,
	DEF_MAIL_FILE,
	DEF_MOTD_FILE,
	DEF_NOLOGINS_FILE,
	DEF_SHELL,
	DEF_SKEL,
	DEF_ULIMIT,
	DEF_UMASK,
	DEF_USERGROUPS_ENAB,
	DEF_COUNT_
};

struct defs {
	char *values[DEF_COUNT_]; /* owned; NULL: not given */
};

#define DEFS_INIT      ((struct defs){ 0 })
#define _cleanup_defs_ __attribute__((cleanup(defs_cleanup)))

void defs_cleanup(struct defs *d);

/*
 * Take over the lines "KEY VALUE" (login.defs) or "KEY=VALUE" (useradd) of TEXT. "#" begins a comment anywhere, a
 * backslash at the end continues the line, quotes around a value are dropped, a value ends at a blank or a quote.
 * A later line wins.
 */
void defs_parse(struct defs *d, const char *text);

/* "yes" or "true" in any case; FALLBACK where the key is not given. */
bool defs_is_true(const struct defs *d, enum def key, bool fallback);

/* A number in C's syntax (a leading 0 is octal). false where it is not given or none. */
bool defs_number(const struct defs *d, enum def key, long *value);
