#include "config/user.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/str.h"
#include "base/strv.h"

#define PASSWD_FILE       "/etc/passwd"
#define GETENT_TIMEOUT_MS 2000
#define GETENT_MAX_OUTPUT 16384

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

static bool find_by_getent(uid_t uid, struct user *user)
{
	char number[16];
	snprintf(number, sizeof(number), "%u", uid);
	const char *argv[] = { "getent", "passwd", number, NULL };
	struct process_request req = {
		.argv = argv, .timeout_ms = GETENT_TIMEOUT_MS, .max_output = GETENT_MAX_OUTPUT
	};
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_free_ char *output = NULL;
	if (process_capture(&req, &output, NULL, &err) != 0)
		return false;
	output[strcspn(output, "\n")] = '\0';
	if (user_parse_line(output, user) && user->uid == uid)
		return true;
	user_cleanup(user);
	return false;
}

bool user_find(uid_t uid, struct user *user)
{
	return find_in_file(uid, user) || find_by_getent(uid, user);
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
