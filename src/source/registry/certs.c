#include "source/registry/certs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/fd.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/str.h"

#define CERT_SIZE_MAX ((size_t)1 << 20)

struct certs {
	char *host;
	struct buffer authorities; /* PEM */
	char *cert, *key;          /* paths */
	bool is_insecure;
};

void certs_free(struct certs *c)
{
	if (c == NULL)
		return;
	free(c->host);
	buffer_cleanup(&c->authorities);
	free(c->cert);
	free(c->key);
	free(c);
}

static int append_file(struct buffer *b, const char *path, struct error *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	size_t len;
	if (fd < 0 || fd_read_all(fd, CERT_SIZE_MAX, &text, &len) < 0)
		return error_errno(err, "cannot read %s", path);
	buffer_append(b, text, len);
	buffer_putc(b, '\n');
	return 0;
}

static int take_file(struct certs *c, const char *folder, const char *name, struct error *err)
{
	_cleanup_free_ char *path = path_join(folder, name);
	if (str_ends_with(name, ".crt"))
		return append_file(&c->authorities, path, err);
	if (!str_ends_with(name, ".cert") || c->cert != NULL)
		return 0;
	c->key = xasprintf("%.*s.key", (int)(strlen(path) - strlen(".cert")), path);
	c->cert = steal_pointer(&path);
	if (access(c->key, R_OK) < 0)
		return error_errno(err, "cannot read %s, the key of %s", c->key, c->cert);
	return 0;
}

/* Returns 1 if the folder is there. */
static int load_folder(struct certs *c, const char *folder, struct error *err)
{
	_cleanup_closedir_ DIR *d = opendir(folder);
	if (d == NULL)
		return errno == ENOENT || errno == ENOTDIR ? 0 : error_errno(err, "cannot open %s", folder);
	const struct dirent *e;
	while ((e = readdir(d)) != NULL)
		if (take_file(c, folder, e->d_name, err) < 0)
			return -1;
	/* libcurl takes these in place of the file that SSL_CERT_FILE names. */
	const char *file = getenv("SSL_CERT_FILE");
	if (c->authorities.len > 0 && file != NULL && *file != '\0' &&
		append_file(&c->authorities, file, err) < 0)
		return -1;
	return 1;
}

/* The folder of HOST in the place number WHICH; the caller owns it. NULL: this place does not apply. */
static char *certs_folder(unsigned which, const char *host)
{
	static const char *const places[] = { NULL, "/etc/containers/certs.d", "/etc/docker/certs.d" };
	if (places[which] != NULL)
		return path_join(places[which], host);
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	if (config != NULL && *config != '\0')
		return xasprintf("%s/containers/certs.d/%s", config, host);
	return home != NULL ? xasprintf("%s/.config/containers/certs.d/%s", home, host) : NULL;
}

int certs_load(const char *host, bool is_insecure, struct certs **certs, struct error *err)
{
	int r = 0;
	struct certs *c = xcalloc(1, sizeof(*c));
	c->host = xstrdup(host);
	c->is_insecure = is_insecure;
	for (unsigned i = 0; r == 0 && i < 3; i++) {
		_cleanup_free_ char *folder = certs_folder(i, host);
		r = folder != NULL ? load_folder(c, folder, err) : 0;
	}
	if (r < 0 || (r == 0 && !is_insecure)) {
		certs_free(c);
		c = NULL;
	}
	*certs = c;
	return r < 0 ? -1 : 0;
}

/* Does the URL go to HOST[:PORT] by https? */
static bool is_for(const struct certs *c, const char *url)
{
	if (c == NULL || strncasecmp(url, "https://", 8) != 0)
		return false;
	size_t len = strlen(c->host);
	return strncasecmp(url + 8, c->host, len) == 0 && (url[8 + len] == '/' || url[8 + len] == '\0');
}

void certs_apply(const struct certs *c, CURL *easy, const char *url)
{
	/* A handle that was another registry's must not keep anything of that. */
	bool is_ours = is_for(c, url);
	bool has_authorities = is_ours && c->authorities.len > 0;
	struct curl_blob blob = { .flags = CURL_BLOB_NOCOPY };
	if (has_authorities) {
		blob.data = c->authorities.data;
		blob.len = c->authorities.len;
	}
	curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, has_authorities ? &blob : NULL);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, is_ours && c->is_insecure ? 0L : 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, is_ours && c->is_insecure ? 0L : 2L);
	curl_easy_setopt(easy, CURLOPT_SSLCERT, is_ours ? c->cert : NULL);
	curl_easy_setopt(easy, CURLOPT_SSLKEY, is_ours ? c->key : NULL);
}
