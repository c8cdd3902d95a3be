#include "source/registry/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/str.h"
#include "source/login.h"
#include "source/registry/authfile.h"
#include "source/registry/netrc.h"

#define FILE_SIZE_MAX ((size_t)1 << 20)

void credentials_free_secret(char *secret)
{
	if (secret != NULL)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void credentials_cleanup(struct credentials *c)
{
	free(c->user);
	credentials_free_secret(c->secret);
	credentials_free_secret(c->identity_token);
	credentials_free_secret(c->registry_token);
	free(c->origin);
	strv_cleanup(&c->tried);
	*c = (struct credentials){ 0 };
}

/* Read a file that need not exist. Returns 1, 0 (there is none) or -1. */
static int load_file(const char *path, char **text, size_t *len, struct stat *st, struct error *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
		return 0;
	if (fd < 0 || fstat(fd, st) < 0)
		return error_errno(err, "cannot open %s", path);
	if (!S_ISREG(st->st_mode))
		return 0; /* /dev/null: none */
	if (fd_read_all(fd, FILE_SIZE_MAX, text, len) < 0)
		return error_errno(err, "cannot read %s", path);
	return 1;
}

/* The name of a registry without its port: "[::1]:5000" → "[::1]". The caller owns it. */
static char *strip_port(const char *registry)
{
	const char *colon = strrchr(registry, ':');
	if (colon == NULL || strchr(colon, ']') != NULL)
		return xstrdup(registry);
	return xstrndup(registry, (size_t)(colon - registry));
}

static const struct netrc_line *find_registry_line(
	const struct netrc *n, const char *registry, const char *login)
{
	static const char *const hub_names[] = { REFERENCE_DOCKER_HUB, "docker.io", "index.docker.io" };
	const struct netrc_line *l = netrc_find(n, registry, login);
	if (l == NULL) {
		_cleanup_free_ char *host = strip_port(registry);
		l = netrc_find(n, host, login);
	}
	for (size_t i = 0; l == NULL && reference_is_docker_hub(registry) && i < ARRAY_SIZE(hub_names); i++)
		l = netrc_find(n, hub_names[i], login);
	return l;
}

/* Token services whose line alone speaks for a registry, as old files have it. */
static bool is_known_realm(const char *registry, const char *realm_host)
{
	return reference_is_docker_hub(registry) && str_eq(realm_host, "auth.docker.io");
}

/*
 * The line to use. The realm's line is asked for only if the registry has one itself or the pair is known:
 * otherwise a hostile registry could name another's realm and be handed a token for it.
 */
static const struct netrc_line *choose_line(
	const struct netrc *n, const struct reference *ref, const char *realm_host)
{
	const struct netrc_line *own = find_registry_line(n, ref->registry, ref->user);
	if (realm_host == NULL || (own == NULL && !is_known_realm(ref->registry, realm_host)))
		return own;
	const char *login = ref->user != NULL ? ref->user : own != NULL ? own->login : NULL;
	const struct netrc_line *realm = netrc_find(n, realm_host, login);
	if (realm == NULL && ref->user == NULL)
		realm = netrc_find(n, realm_host, NULL);
	return realm != NULL ? realm : own;
}

static int from_netrc(struct credentials *c, const struct reference *ref, const char *realm_host,
	const char *config_path, struct error *err)
{
	if (config_path == NULL)
		return 0;
	_cleanup_free_ char *path = path_join(config_path, ".credentials");
	_cleanup_netrc_ struct netrc n = { 0 };
	char *text = NULL;
	struct stat st;
	strv_push(&c->tried, path);
	int r = load_file(path, &text, NULL, &st, err);
	if (r <= 0)
		return r;
	netrc_parse(&n, text);
	credentials_free_secret(text);
	const struct netrc_line *line = choose_line(&n, ref, realm_host);
	if (line == NULL || line->login == NULL)
		return 0;
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		log_warn("Others can read the passwords in %s (chmod 600 helps)", path);
	c->secret = netrc_evaluate(line, err);
	if (c->secret == NULL)
		return error_prefix(err, "%s", path);
	c->user = xstrdup(line->login);
	c->origin = steal_pointer(&path);
	return 1;
}

static const char *home_directory(void)
{
	const char *home = getenv("HOME");
	if (home != NULL && *home != '\0')
		return home;
	const struct passwd *pw = getpwuid(getuid());
	return pw != NULL ? pw->pw_dir : NULL;
}

static const char *env_or_null(const char *name)
{
	const char *value = getenv(name);
	return value != NULL && *value != '\0' ? value : NULL;
}

/* The path of a file of auths by environment variable and default; the caller owns it, NULL if none applies. */
static char *authfile_path(unsigned which)
{
	static const struct {
		const char *variable, *below_variable, *below_home;
	} places[] = {
		{ "REGISTRY_AUTH_FILE", NULL, NULL },
		{ "XDG_RUNTIME_DIR", "containers/auth.json", NULL },
		{ "XDG_CONFIG_HOME", "containers/auth.json", ".config/containers/auth.json" },
		{ "DOCKER_CONFIG", "config.json", ".docker/config.json" },
	};
	const char *base = env_or_null(places[which].variable);
	if (base != NULL && places[which].below_variable == NULL)
		return xstrdup(base);
	if (base != NULL)
		return path_join(base, places[which].below_variable);
	const char *home = places[which].below_home != NULL ? home_directory() : NULL;
	return home != NULL ? path_join(home, places[which].below_home) : NULL;
}
#define AUTHFILE_PLACES 4

static int from_authfile(
	struct credentials *c, const char *path, const struct reference *ref, struct error *err)
{
	char *text = NULL;
	size_t len = 0;
	struct stat st;
	strv_push(&c->tried, path);
	int r = load_file(path, &text, &len, &st, err);
	if (r <= 0)
		return r;
	r = authfile_find(text, len, ref->registry, ref->repository, c, err);
	credentials_free_secret(text);
	if (r > 0)
		c->origin = xstrdup(path);
	if (r >= 0)
		return r;
	/* A helper of a desktop that is not installed here, a file of another tool's: no reason to refuse a public
	 * image. If credentials were needed, the registry says so. */
	log_warn("%s: %s", path, err->message);
	error_clear(err);
	return 0;
}

char *source_ask(const char *prompt, bool is_secret)
{
	_cleanup_close_ int tty = isatty(STDIN_FILENO) ? open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC) : -1;
	struct termios saved, quiet;
	if (tty < 0 || tcgetattr(tty, &saved) < 0)
		return NULL;
	(void)fd_write_full(tty, prompt, strlen(prompt));
	quiet = saved;
	if (is_secret)
		quiet.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(tty, TCSAFLUSH, &quiet);
	char line[1024];
	ssize_t n = read(tty, line, sizeof(line) - 1);
	tcsetattr(tty, TCSAFLUSH, &saved);
	if (is_secret)
		(void)fd_write_full(tty, "\n", 1);
	if (n <= 0)
		return NULL;
	line[n] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	char *answer = xstrdup(line);
	explicit_bzero(line, sizeof(line));
	return answer;
}

/* Returns 1, or 0 if there is no terminal or no answer. */
static int from_terminal(struct credentials *c, const struct reference *ref)
{
	_cleanup_free_ char *prompt = xasprintf("Password for %s at %s: ", ref->user, ref->registry);
	c->secret = source_ask(prompt, true);
	if (c->secret == NULL)
		return 0;
	c->user = xstrdup(ref->user);
	return 1;
}

int credentials_find(struct credentials *c, const struct reference *ref, const char *realm_host,
	const char *config_path, struct error *err)
{
	*c = (struct credentials){ 0 };
	if (ref->password != NULL) {
		c->user = xstrdup(ref->user);
		c->secret = xstrdup(ref->password);
		return 0;
	}
	int r = from_netrc(c, ref, realm_host, config_path, err);
	for (unsigned i = 0; r == 0 && i < AUTHFILE_PLACES; i++) {
		_cleanup_free_ char *path = authfile_path(i);
		if (path == NULL)
			continue;
		r = from_authfile(c, path, ref, err);
		/* USER@ asks for that user; another one's credentials do not serve. */
		if (r > 0 && ref->user != NULL && (c->user == NULL || !str_eq(c->user, ref->user))) {
			struct strv tried = c->tried;
			c->tried = STRV_INIT;
			credentials_cleanup(c);
			c->tried = tried;
			r = 0;
		}
	}
	if (r == 0 && ref->user != NULL)
		r = from_terminal(c, ref);
	if (r < 0)
		credentials_cleanup(c);
	else if (r == 0 && ref->user != NULL)
		c->user = xstrdup(ref->user); /* a name without a secret: the error can tell */
	return r < 0 ? -1 : 0;
}
