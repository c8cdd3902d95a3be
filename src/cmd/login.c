#include "cmd/login.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/options.h"
#include "cmd/requests.h"
#include "source/login.h"

#define PASSWORD_MAX ((size_t)64 << 10)

static const char login_usage[] =
	"Usage: enroot login [options] [--] REGISTRY\n"
	"\n"
	"Check a user's name and password with a registry and keep them where podman and skopeo do.\n"
	"\n"
	" Options:\n"
	"   -u, --username USER   Name of the user (default: ask)\n"
	"       --password-stdin  Read the password from standard input (default: ask without echo)\n"
	"   -h, --help            Show this text\n";

static const char logout_usage[] = "Usage: enroot logout [--] REGISTRY\n"
				   "\n"
				   "Forget the password for a registry.\n"
				   "\n"
				   " Options:\n"
				   "   -h, --help  Show this text\n";

static void wipe(char *secret)
{
	if (secret != NULL)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

/* The first line of standard input; the caller wipes it. */
static char *read_password(struct error *err)
{
	char *text = NULL;
	if (fd_read_all(STDIN_FILENO, PASSWORD_MAX, &text, NULL) < 0) {
		error_errno(err, "cannot read the password from standard input");
		return NULL;
	}
	text[strcspn(text, "\r\n")] = '\0';
	return text;
}

static int login(
	const struct settings *s, const char *registry, const char *user, bool is_stdin, struct error *err)
{
	_cleanup_free_ char *asked = user == NULL && !is_stdin ? source_ask("Username: ", false) : NULL;
	_cleanup_free_ char *path = NULL;
	struct source_options options;
	if (request_source_options(s, NULL, &options, err) < 0)
		return -1;
	user = user != NULL ? user : asked;
	if (user == NULL || *user == '\0')
		return error_set(err, EINVAL, "no user's name was given (use --username)");
	char *secret = is_stdin ? read_password(err) : source_ask("Password: ", true);
	if (secret == NULL && !is_stdin)
		error_set(err, EINVAL, "there is no terminal to ask for the password (use --password-stdin)");
	int r = secret != NULL ? source_login(registry, user, secret, &options, &path, err) : -1;
	wipe(secret);
	if (r == 0)
		log_info("Login succeeded, stored in %s", path);
	return r;
}

int cmd_login(struct settings *settings, int argc, char *argv[])
{
	const char *user = NULL;
	bool is_stdin = false;
	const struct option_spec specs[] = {
		{ 'u', "username", OPTION_STRING, &user },
		{ 0, "password-stdin", OPTION_FLAG, &is_stdin },
	};
	int first;
	int status = options_parse_or_usage(argc, argv, specs, ARRAY_SIZE(specs), login_usage, 1, 1, &first);
	if (status >= 0)
		return status;
	_cleanup_error_ struct error err = ERROR_INIT;
	if (login(settings, argv[first], user, is_stdin, &err) == 0)
		return 0;
	log_failure(&err);
	return 1;
}

int cmd_logout(struct settings *settings, int argc, char *argv[])
{
	int first;
	(void)settings;
	int status = options_parse_or_usage(argc, argv, NULL, 0, logout_usage, 1, 1, &first);
	if (status >= 0)
		return status;
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_free_ char *path = NULL;
	if (source_logout(argv[first], &path, &err) < 0) {
		log_failure(&err);
		return 1;
	}
	log_info("Removed from %s", path);
	return 0;
}
