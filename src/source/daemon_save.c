#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/fd.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/str.h"
#include "source/daemon.h"
#include "source/json.h"
#include "source/spool.h"

#define ANSWER_MAX ((size_t)64 << 10)

extern char **environ;

/* Where the daemon listens. Either may be NULL; none: the program knows better. */
struct endpoint {
	char *socket, *host; /* HOST: HOST:PORT */
};

static void endpoint_cleanup(struct endpoint *e)
{
	free(e->socket);
	free(e->host);
}

static struct endpoint find_endpoint(const struct daemon *d)
{
	struct endpoint e = { 0 };
	const char *host = getenv(d->host_variable), *runtime = getenv("XDG_RUNTIME_DIR");
	if (host != NULL && *host != '\0') {
		if (str_starts_with(host, "unix://"))
			e.socket = xstrdup(host + strlen("unix://"));
		else if (str_starts_with(host, "tcp://") && getenv("DOCKER_TLS_VERIFY") == NULL)
			e.host = xstrdup(host + strlen("tcp://"));
		return e;
	}
	_cleanup_free_ char *user = runtime != NULL ? path_join(runtime, d->user_socket) : NULL;
	if (user != NULL && access(user, R_OK | W_OK) == 0)
		e.socket = steal_pointer(&user);
	else if (access(d->system_socket, R_OK | W_OK) == 0)
		e.socket = xstrdup(d->system_socket);
	return e;
}

struct answer {
	const struct daemon_request *request;
	CURL *easy;
	struct buffer text; /* of an answer other than 200 */
	struct error failure;
};

static size_t take(char *data, size_t size, size_t count, void *answer)
{
	struct answer *a = answer;
	size_t len = size * count;
	long status = 0;
	curl_easy_getinfo(a->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200) {
		if (a->text.len + len <= ANSWER_MAX)
			buffer_append(&a->text, data, len);
		return len;
	}
	if (fd_write_full(a->request->fd, data, len) == 0)
		return len;
	spool_write_error(a->request->cache_path, &a->failure);
	return 0;
}

static int on_progress(void *unused, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	return interrupt_requested();
}

/* What a daemon says of a failure: {"message": TEXT} (podman: {"cause": …, "message": TEXT}). */
static int refused(struct answer *a, long status, struct error *err)
{
	_cleanup_error_ struct error ignored = ERROR_INIT;
	_cleanup_json_ json_t *json =
		a->text.len > 0 ? json_parse_object(a->text.data, a->text.len, "answer", &ignored) : NULL;
	const char *message = json != NULL ? json_get_string(json, "message") : NULL;
	return error_set(err, status == 404 ? ENOENT : EPROTO, "%s does not give image %s: %s",
		a->request->daemon->program, a->request->image,
		message != NULL ? message
		: status == 404 ? "no such image"
				: "its answer makes no sense");
}

static int judge(struct answer *a, CURLcode result, const char *detail, struct error *err)
{
	long status = 0;
	curl_easy_getinfo(a->easy, CURLINFO_RESPONSE_CODE, &status);
	if (interrupt_check(err) < 0)
		return -1;
	if (error_is_set(&a->failure))
		return error_move(err, &a->failure);
	if (result == CURLE_COULDNT_CONNECT)
		return 1;
	if (result != CURLE_OK)
		return error_set(err, EPROTO, "cannot fetch image %s from %s: %s", a->request->image,
			a->request->daemon->program, *detail != '\0' ? detail : curl_easy_strerror(result));
	return status == 200 ? 0 : refused(a, status, err);
}

static int fetch(const struct daemon_request *r, const struct endpoint *e, struct error *err)
{
	struct answer a = { .request = r, .easy = curl_easy_init() };
	char detail[CURL_ERROR_SIZE] = "";
	if (a.easy == NULL)
		abort(); /* out of memory */
	_cleanup_free_ char *path = xasprintf(r->daemon->path, r->image);
	_cleanup_free_ char *url = xasprintf("http://%s%s", e->host != NULL ? e->host : "localhost", path);
	curl_easy_setopt(a.easy, CURLOPT_URL, url);
	curl_easy_setopt(a.easy, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(a.easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(a.easy, CURLOPT_NOSIGNAL, 1L);
	if (e->socket != NULL)
		curl_easy_setopt(a.easy, CURLOPT_UNIX_SOCKET_PATH, e->socket);
	curl_easy_setopt(a.easy, CURLOPT_CONNECTTIMEOUT, (long)r->connect_timeout_s);
	curl_easy_setopt(a.easy, CURLOPT_ERRORBUFFER, detail);
	curl_easy_setopt(a.easy, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(a.easy, CURLOPT_WRITEDATA, &a);
	curl_easy_setopt(a.easy, CURLOPT_BUFFERSIZE, 256L << 10);
	curl_easy_setopt(a.easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(a.easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	int status = judge(&a, curl_easy_perform(a.easy), detail, err);
	curl_easy_cleanup(a.easy);
	buffer_cleanup(&a.text);
	error_clear(&a.failure);
	return status;
}

int daemon_save_by_socket(const struct daemon_request *r, struct error *err)
{
	__attribute__((cleanup(endpoint_cleanup))) struct endpoint e = find_endpoint(r->daemon);
	return e.socket != NULL || e.host != NULL ? fetch(r, &e, err) : 1;
}

/* "PROGRAM save IMAGE" with FD as its standard output. */
static int spawn_save(const struct daemon_request *r, pid_t *pid)
{
	const char *argv[8] = { r->daemon->program, "save" };
	size_t n = 2;
	for (size_t i = 0; r->daemon->options[i] != NULL; i++)
		argv[n++] = r->daemon->options[i];
	argv[n] = r->image;
	sigset_t defaults;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, r->fd, STDOUT_FILENO);
	posix_spawnattr_init(&attr);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	posix_spawnattr_setsigdefault(&attr, &defaults);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	int code = posix_spawnp(pid, argv[0], &actions, &attr, (char *const *)argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return code;
}

int daemon_save_by_program(const struct daemon_request *r, struct error *err)
{
	pid_t pid;
	int status, code = spawn_save(r, &pid);
	if (code != 0) {
		error_set(err, code, "no %s daemon answers, and the program cannot be run: %s",
			r->daemon->program, strerror(code));
		return error_hint(err, "start the daemon, or name its socket with %s=unix://PATH",
			r->daemon->host_variable);
	}
	while (waitpid(pid, &status, 0) < 0) {
		if (interrupt_requested())
			(void)kill(pid, SIGTERM);
	}
	if (interrupt_check(err) < 0)
		return -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return error_set(err, EPROTO, "%s save %s failed", r->daemon->program, r->image);
}
