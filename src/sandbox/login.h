/*
 * sandbox/login.h - what login(1) would do, by the container's own files
 *
 * Everything is read from the root filesystem through the in-root resolver and parsed by hand. Nothing here asks
 * the C library about users, locales or time zones: after pivot_root its modules would be the image's.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/strv.h"
#include "sandbox/defs.h"
#include "sandbox/ids.h"

struct login {
	int root;              /* borrowed: the root filesystem */
	const struct ids *ids; /* borrowed */
	struct strv *env;      /* borrowed: completed */
	struct defs defs;
};

#define LOGIN_INIT      ((struct login){ .root = -1 })
#define _cleanup_login_ __attribute__((cleanup(login_cleanup)))

void login_cleanup(struct login *l);

/* Read /etc/login.defs and complete the environment: PATH, HOME, SHELL, USER, LOGNAME, TERM, TZ, MAIL, locale.
 * What is set already stays. */
void login_set_environment(struct login *l);

/* Is the container closed to ordinary users (NOLOGINS_FILE)? Its text has then been printed. */
bool login_is_closed(const struct login *l);

/* umask and the limit on file sizes. */
int login_set_limits(const struct login *l, struct error *err);

/* Change to HOME, or to "/" where the files allow that. After pivot_root. */
int login_enter_home(const struct login *l, struct error *err);

/* Does the user want a quiet start (HUSHLOGIN_FILE)? */
bool login_is_hushed(const struct login *l);

/* The message of the day, unless the user asked for quiet. Only for a bare interactive shell. */
void login_print_motd(const struct login *l);
