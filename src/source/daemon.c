/*
 * The schemes dockerd:// and podman:// - images that a daemon on this host holds
 *
 * The daemon is asked through its socket for what "save" writes; where there is no socket that answers (podman needs no
 * daemon, docker may be set up to talk to another machine) the command line tool is.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "source/daemon.h"
#include "source/docker_archive.h"
#include "source/scheme.h"
#include "source/spool.h"

#define NAME_MAX_BYTES 512

static const struct daemon daemons[] = {
	{
		.prefix = "dockerd://",
		.program = "docker",
		.host_variable = "DOCKER_HOST",
		.user_socket = "docker.sock",
		.system_socket = "/var/run/docker.sock",
		.path = "/images/%s/get",
		.options = { NULL },
	},
	{
		.prefix = "podman://",
		.program = "podman",
		.host_variable = "CONTAINER_HOST",
		.user_socket = "podman/podman.sock",
		.system_socket = "/run/podman/podman.sock",
		/* The layers plain, not compressed once more only for us. */
		.path = "/v4.0.0/libpod/images/%s/get?format=docker-archive",
		.options = { "--format=docker-archive", "-q", NULL },
	},
};

static const struct daemon *find_daemon(const char *uri)
{
	for (size_t i = 0; i < ARRAY_SIZE(daemons); i++)
		if (str_starts_with(uri, daemons[i].prefix))
			return &daemons[i];
	return NULL;
}

/* The image's name; it goes into a URL and a command line. */
static const char *image_of(const char *uri, struct error *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:@";
	const struct daemon *d = find_daemon(uri);
	const char *name = uri + strlen(d->prefix);
	size_t len = strlen(name);
	if (len != 0 && len <= NAME_MAX_BYTES && strspn(name, allowed) == len &&
		strchr("-./:@", *name) == NULL && strstr(name, "//") == NULL && strstr(name, "..") == NULL &&
		name[len - 1] != '/' && name[len - 1] != ':')
		return name;
	error_set(err, EINVAL, "Invalid image reference: %s", uri);
	error_hint(err, "expected %sIMAGE[:TAG]", d->prefix);
	return NULL;
}

static char *daemon_default_name(const char *uri, struct error *err)
{
	const char *image = image_of(uri, err);
	char *name = image != NULL ? xstrdup(image) : NULL;
	for (char *p = name; p != NULL && *p != '\0'; p++)
		if (*p == '/' || *p == ':' || *p == '@')
			*p = '+';
	return name;
}

/* What "save" writes, as a file without a name that the caller owns. */
static int save(const char *uri, const struct source_options *o, struct error *err)
{
	const char *image = image_of(uri, err);
	_cleanup_close_ int spool = image != NULL ? spool_open(o->cache_path, err) : -1;
	if (spool < 0)
		return -1;
	log_info("Fetching image from %s", find_daemon(uri)->program);
	const struct daemon_request request = {
		.daemon = find_daemon(uri),
		.image = image,
		.fd = spool,
		.cache_path = o->cache_path,
		.connect_timeout_s = o->connect_timeout_s,
	};
	int r = daemon_save_by_socket(&request, err);
	if (r > 0)
		r = daemon_save_by_program(&request, err);
	return r == 0 && interrupt_check(err) == 0 ? steal_fd(&spool) : -1;
}

static int daemon_open(struct source *s, const char *uri, const struct source_options *o, struct error *err)
{
	int fd = save(uri, o, err);
	return fd >= 0 ? docker_archive_open_saved(s, fd, uri, o, daemon_default_name(uri, err), err) : -1;
}

static int daemon_digest(const char *uri, const struct source_options *o, char **digest, struct error *err)
{
	int fd = save(uri, o, err);
	return fd >= 0 ? docker_archive_digest_saved(fd, uri, o, digest, err) : -1;
}

const struct source_scheme source_dockerd = {
	.prefix = "dockerd://",
	.default_name = daemon_default_name,
	.digest = daemon_digest,
	.open = daemon_open,
	.blob_open = docker_archive_blob_open,
	.close = docker_archive_close,
};

const struct source_scheme source_podman = {
	.prefix = "podman://",
	.default_name = daemon_default_name,
	.digest = daemon_digest,
	.open = daemon_open,
	.blob_open = docker_archive_blob_open,
	.close = docker_archive_close,
};
