#include "start/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/str.h"
#include "sandbox/privileges.h"

#define MAX_REPORT  (16u << 20)
#define OUTPUT_FILE "conf-output"
#define REPORT_FILE "conf-report"

/*
 * $0 is the script. Exported functions are reported as
 * env(1) shows them. Names of functions come on descriptor 250, each is answered by a line on 251. The report is the
 * working directory and the exported variables, each ended by a NUL. errexit holds inside of the functions, since
 * they are not called in a condition; whatever ends the process early is an error.
 */
static const char driver[] =
	"[ ! -r \"${ENROOT_LIBRARY_PATH:-}/common.sh\" ] || source \"${ENROOT_LIBRARY_PATH}/common.sh\"\n"
	"set -o errexit -o nounset -o pipefail\n"
	"shopt -s lastpipe\n"
	"enroot::report() {\n"
	"  local -a names; local name\n"
	"  printf '%s\\0' \"${PWD}\" >\"${enroot_scratch}/" REPORT_FILE "\"\n"
	"  mapfile -t names < <(compgen -e)\n"
	"  for name in \"${names[@]}\"; do\n"
	"    printf '%s=%s\\0' \"${name}\" \"${!name-}\"\n"
	"  done >>\"${enroot_scratch}/" REPORT_FILE "\"\n"
	"  [ -z \"$(declare -Fx)\" ] || mapfile -d '' -t names < <(env -0)\n"
	"  for name in \"${names[@]}\"; do\n"
	"    [[ ${name} != BASH_FUNC_* ]] || printf '%s\\0' \"${name}\"\n"
	"  done >>\"${enroot_scratch}/" REPORT_FILE "\"\n"
	"  printf 'done\\n' >&251\n"
	"}\n"
	"enroot_scratch=${ENROOT_RUNTIME_PATH}\n"
	"source \"$0\"\n"
	"enroot::report\n"
	"while IFS= read -r -u 250 enroot_function; do\n"
	"  : >\"${enroot_scratch}/" OUTPUT_FILE "\"\n"
	"  if ! declare -F \"${enroot_function}\" >/dev/null; then :\n"
	"  elif [ \"${enroot_function}\" = rc ]; then declare -f rc >\"${enroot_scratch}/" OUTPUT_FILE "\"\n"
	"  else \"${enroot_function}\" >\"${enroot_scratch}/" OUTPUT_FILE "\"\n"
	"  fi\n"
	"  enroot::report\n"
	"done\n"
	"exit 0\n";

static int check_syntax(const char *path, struct error *err)
{
	const char *const argv[] = { "bash", "-c", "exec bash -n -- \"$0\" 2>&1", path, NULL };
	const struct process_request req = { .argv = argv, .max_output = 1 << 20 };
	_cleanup_free_ char *text = NULL;
	int r = process_capture(&req, &text, NULL, err);
	if (r < 0)
		return error_hint(err, "conf scripts need bash on the host");
	if (r == 0)
		return 0;
	char *cursor = text, *line;
	while ((line = strsep(&cursor, "\n")) != NULL) {
		if (*line != '\0')
			log_warn("%s", line);
	}
	return error_set(err, EINVAL, "Invalid argument: %s", path);
}

static void close_pair(int pair[2])
{
	close(pair[0]);
	close(pair[1]);
}

static int spawn(struct conf *c, const char *real, int in, int out, char *const command[], char *const env[])
{
	_cleanup_strv_ struct strv argv = STRV_INIT;
	strv_push(&argv, "bash");
	strv_push(&argv, "-c");
	strv_push(&argv, driver);
	strv_push(&argv, real);
	for (; *command != NULL; command++)
		strv_push(&argv, *command);

	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, 250);
	posix_spawn_file_actions_adddup2(&actions, out, 251);
	int r = posix_spawnp(&c->pid, "bash", &actions, NULL, argv.items, env);
	posix_spawn_file_actions_destroy(&actions);
	if (r != 0)
		c->pid = 0;
	return r;
}

static int start_process(
	struct conf *c, const char *real, char *const command[], char *const env[], struct error *err)
{
	int in[2], out[2];
	if (pipe2(in, O_CLOEXEC) < 0)
		return error_errno(err, "cannot make a pipe");
	if (pipe2(out, O_CLOEXEC) < 0) {
		close_pair(in);
		return error_errno(err, "cannot make a pipe");
	}
	int r = spawn(c, real, in[0], out[1], command, env);
	if (r != 0) {
		close_pair(in);
		close_pair(out);
		errno = r;
		error_errno(err, "cannot run bash for %s", c->path);
		return error_hint(err, "conf scripts need bash on the host");
	}
	close(in[0]);
	close(out[1]);
	c->requests = in[1];
	c->replies = out[0];
	return 0;
}

static int read_file(struct conf *c, const char *name, char **text, size_t *len, struct error *err)
{
	_cleanup_close_ int fd = openat(c->scratch, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fd_read_all(fd, MAX_REPORT, text, len) < 0)
		return error_errno(err, "cannot read what %s left", c->path);
	return 0;
}

/* The directory, then the variables. */
static int take_report(struct conf *c, struct strv *host, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	if (read_file(c, REPORT_FILE, &text, &len, err) < 0)
		return -1;
	const char *end = text + len;
	if (len == 0 || chdir(text) < 0)
		return error_errno(err, "failed to change directory to that of %s", c->path);
	strv_cleanup(host);
	for (const char *p = text + strlen(text) + 1; p < end; p += strlen(p) + 1)
		strv_push(host, p);
	return 0;
}

/*
 * Is there an answer? What the script left running in the background holds the pipe too, so that only the end of the
 * process itself tells that none will come.
 */
static bool has_reply(struct conf *c)
{
	_cleanup_close_ int process =
		(int)syscall(SYS_pidfd_open, c->pid, 0); /* -1 before Linux 5.3: not polled */
	struct pollfd p[] = { { .fd = c->replies, .events = POLLIN }, { .fd = process, .events = POLLIN } };
	while (poll(p, ARRAY_SIZE(p), -1) < 0 && errno == EINTR)
		;
	char answer[8];
	return (p[0].revents & POLLIN) && read(c->replies, answer, sizeof(answer)) > 0;
}

/* WHERE is what runs, for the message. */
static int wait_reply(struct conf *c, const char *where, struct error *err)
{
	if (has_reply(c))
		return 0;
	int status = 0;
	if (waitpid(c->pid, &status, 0) == c->pid)
		c->pid = 0;
	return error_set(err, ECHILD, "%s: %s exited with return code %d", c->path, where,
		WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

int conf_begin(struct conf *c, const char *path, struct scratch *scratch, char *const command[],
	struct strv *host, struct error *err)
{
	_cleanup_free_ char *real = realpath(path, NULL);
	if (real == NULL)
		return error_errno(err, "cannot open %s", path);
	c->path = path;
	if (check_syntax(real, err) < 0)
		return -1;
	c->scratch = scratch_open(scratch, err);
	if (c->scratch < 0 || privileges_lend(err) < 0)
		return -1;
	int r = start_process(c, real, command, host->items, err);
	privileges_take_back();
	if (r < 0 || wait_reply(c, "the script", err) < 0)
		return -1;
	return take_report(c, host, err);
}

int conf_call(struct conf *c, const char *function, struct strv *host, char **output, struct error *err)
{
	if (c->pid == 0) {
		if (output != NULL)
			*output = xstrdup("");
		return 0;
	}
	_cleanup_free_ char *line = xasprintf("%s\n", function), *name = xasprintf("%s()", function);
	if (fd_write_full(c->requests, line, strlen(line)) < 0)
		return error_errno(err, "cannot call %s of %s", name, c->path);
	if (wait_reply(c, name, err) < 0 || take_report(c, host, err) < 0)
		return -1;
	return output != NULL ? read_file(c, OUTPUT_FILE, output, NULL, err) : 0;
}

/* `declare -f` prints "rc () ", "{ ", the body and "}", each on lines of their own. */
int conf_take_rc(struct conf *c, struct strv *host, char **body, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	*body = NULL;
	if (conf_call(c, "rc", host, &text, err) < 0)
		return -1;
	char *start = strstr(text, "{ \n"), *end = strrchr(text, '}');
	if (start == NULL || end == NULL || end < start)
		return 0;
	*body = xstrndup(start + 3, (size_t)(end - start - 3));
	return 0;
}

void conf_end(struct conf *c)
{
	cleanup_close(&c->requests);
	cleanup_close(&c->replies);
	c->requests = c->replies = -1;
	while (c->pid > 0 && waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		;
	c->pid = 0;
}
