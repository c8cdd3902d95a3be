#include "config/user.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/publish.h"
#include "base/str.h"
#include "base/strv.h"

#define PASSWD_FILE       "/etc/passwd"
#define GETENT_TIMEOUT_MS 2000
#define GETENT_MAX_OUTPUT 16384
#define ANSWER_LIFE_S     3600

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

static char *answers; /* the directory where they are kept, NULL: nowhere */

void user_keep_answers(const char *directory)
{
	free(answers);
	answers = directory != NULL ? xstrdup(directory) : NULL;
}

static char *answer_path(uid_t uid)
{
	return answers != NULL ? xasprintf("%s/user-%u", answers, uid) : NULL;
}

/* A line of passwd that is the one of UID. */
static bool take_line(char *line, uid_t uid, struct user *user)
{
	line[strcspn(line, "\n")] = '\0';
	if (!user_parse_line(line, user))
		return false;
	if (user->uid == uid)
		return true;
	user_cleanup(user);
	return false;
}

/* Only a file that nobody else can have written or changed is believed. */
static bool find_kept(uid_t uid, struct user *user)
{
	_cleanup_free_ char *path = answer_path(uid);
	_cleanup_close_ int fd =
		path != NULL ? open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
	struct stat st;
	struct timespec now;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
		(st.st_mode & 077) != 0)
		return false;
	clock_gettime(CLOCK_REALTIME, &now);
	if (st.st_mtime > now.tv_sec || now.tv_sec - st.st_mtime > ANSWER_LIFE_S)
		return false;
	_cleanup_free_ char *text = NULL;
	return fd_read_all(fd, GETENT_MAX_OUTPUT, &text, NULL) == 0 && take_line(text, uid, user);
}

static void keep(uid_t uid, const char *line)
{
	_cleanup_free_ char *path = answer_path(uid);
	_cleanup_error_ struct error ignored = ERROR_INIT;
	_cleanup_publish_ struct publish p = PUBLISH_INIT;
	if (path != NULL && publish_begin(&p, path, 0600, true, &ignored) == 0 &&
		fd_write_full(p.fd, line, strlen(line)) == 0)
		(void)publish_commit(&p, true, &ignored);
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
	if (process_capture(&req, &output, NULL, &err) != 0 || !take_line(output, uid, user))
		return false;
	keep(uid, output);
	return true;
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
	return find_in_file(uid, user) || find_kept(uid, user) || find_by_getent(uid, user) ||
	       find_in_environment(uid, user);
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
