#include "config/user.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"
#include "base/strv.h"
#include "config/getent.h"

#define PASSWD_FILE "/etc/passwd"

void user_cleanup(struct user *user)
{
	free(user->name);
	free(user->gecos);
	free(user->home);
	free(user->shell);
	*user = USER_INIT;
}

/* passwd(5): name:password:uid:gid:gecos:home:shell */
bool user_parse_line(const char *line, struct user *user)
{
	_cleanup_strv_ struct strv fields = STRV_INIT;
	strv_split(&fields, line, ':');
	uint64_t uid, gid;
	if (fields.count != 7 || fields.items[0][0] == '\0' || !str_parse_u64(fields.items[2], &uid) ||
		!str_parse_u64(fields.items[3], &gid) || uid > UINT32_MAX || gid > UINT32_MAX)
		return false;
	*user = (struct user){
		.name = xstrdup(fields.items[0]),
		.gecos = xstrdup(fields.items[4]),
		.home = xstrdup(fields.items[5]),
		.shell = xstrdup(fields.items[6]),
		.uid = (uid_t)uid,
		.gid = (gid_t)gid,
	};
	return true;
}

static bool find_in_file(uid_t uid, struct user *user)
{
	_cleanup_fclose_ FILE *f = fopen(PASSWD_FILE, "re");
	if (f == NULL)
		return false;
	_cleanup_free_ char *line = NULL;
	size_t capacity = 0;
	ssize_t n;
	while ((n = getline(&line, &capacity, f)) > 0) {
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		if (!user_parse_line(line, user))
			continue;
		if (user->uid == uid)
			return true;
		user_cleanup(user);
	}
	return false;
}

void user_keep_answers(const char *directory)
{
	getent_keep_answers(directory);
}

static bool find_by_getent(uid_t uid, struct user *user)
{
	_cleanup_free_ char *line = getent_line("passwd", uid);
	return line != NULL && user_parse_line(line, user);
}

/* A variable that may stand in a line of passwd. */
static const char *plain_variable(const char *name)
{
	const char *value = getenv(name);
	return value != NULL && *value != '\0' && strpbrk(value, ":\n") == NULL ? value : NULL;
}

static bool find_in_environment(uid_t uid, struct user *user)
{
	const char *name = plain_variable("USER"), *home = plain_variable("HOME");
	const char *shell = plain_variable("SHELL");
	if (name == NULL)
		name = plain_variable("LOGNAME");
	if (name == NULL)
		return false;
	*user = (struct user){
		.name = xstrdup(name),
		.gecos = xstrdup(""),
		.home = xstrdup(home != NULL && *home == '/' ? home : "/"),
		.shell = xstrdup(shell != NULL ? shell : "/bin/sh"),
		.uid = uid,
		.gid = getegid(),
	};
	return true;
}

bool user_find(uid_t uid, struct user *user)
{
	return find_in_file(uid, user) || find_by_getent(uid, user) || find_in_environment(uid, user);
}

const char *user_home(void)
{
	static char *home;
	const char *env = getenv("HOME");
	if (env != NULL && *env != '\0')
		return env;
	if (home != NULL)
		return home;
	_cleanup_user_ struct user user = USER_INIT;
	if (user_find(geteuid(), &user) && user.home[0] == '/')
		home = steal_pointer(&user.home);
	else
		home = xstrdup("/");
	return home;
}
