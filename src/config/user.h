/*
 * config/user.h - who the caller is
 *
 * Static programs must not use NSS, which loads libraries: /etc/passwd is read here, then `getent` is asked (it
 * has two seconds), then the environment believed.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct user {
	char *name, *gecos, *home, *shell; /* owned, never NULL once found */
	uid_t uid;
	gid_t gid;
};

#define USER_INIT      ((struct user){ 0 })
#define _cleanup_user_ __attribute__((cleanup(user_cleanup)))

void user_cleanup(struct user *user);

/* One line of a passwd file, without its newline. false: not well-formed. */
bool user_parse_line(const char *line, struct user *user);

/*
 * Look the caller's UID up: /etc/passwd, then getent (an answer is kept in the directory of user_keep_answers() for an
 * hour), then USER, HOME and SHELL of the environment, where .gid is the process's. false: nobody knows it.
 */
bool user_find(uid_t uid, struct user *user);

/* Where answers of getent are kept: a directory that only the caller can write. For the mains; DIRECTORY is copied. */
void user_keep_answers(const char *directory);

/* $HOME, else the home that user_find() tells, else "/". Good until the program ends. */
const char *user_home(void);
