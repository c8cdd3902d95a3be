#include "source/local.h"

#include <errno.h>
#include <string.h>

#include "base/digest.h"
#include "base/fd.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/str.h"
#include "source/input.h"

static int refuse(const char *uri, const char *prefix, struct error *err)
{
	error_set(err, EINVAL, "Invalid image reference: %s", uri);
	return error_hint(err, "expected %sPATH[:TAG]", prefix);
}

int local_parse(const char *uri, const char *prefix, char **path, char **rest, struct error *err)
{
	const char *text = uri + strlen(prefix);
	const char *colon = strchrnul(text, ':');
	*path = NULL;
	*rest = NULL;
	bool has_control = false; /* it is recorded as a line of /etc/rc */
	for (const char *p = text; *p != '\0'; p++)
		has_control |= (unsigned char)*p < 0x20 || *p == 0x7f;
	if (has_control || colon == text || (*colon == ':' && colon[1] == '\0'))
		return refuse(uri, prefix, err);
	*path = xstrndup(text, (size_t)(colon - text));
	if (*colon == ':')
		*rest = xstrdup(colon + 1);
	return 0;
}

static bool is_archive(const char *prefix)
{
	return str_ends_with(prefix, "-archive:");
}

char *local_default_name(const char *uri, const char *prefix, struct error *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_free_ char *rest = NULL;
	if (local_parse(uri, prefix, &path, &rest, err) < 0)
		return NULL;
	_cleanup_free_ char *base = is_archive(prefix) ? input_name(path) : path_basename(path);
	bool is_whole = rest != NULL && str_eq(prefix, "docker-archive:"); /* NAME:TAG says it all */
	char *name = is_whole ? xstrdup(rest)
			      : xasprintf("%s%s%s", base, rest != NULL ? "+" : "", rest != NULL ? rest : "");
	for (char *p = name; *p != '\0'; p++)
		if (*p == '/' || *p == ':')
			*p = '+';
	if (*name != '\0' && *name != '.')
		return name;
	free(name);
	refuse(uri, prefix, err);
	return NULL;
}

int local_read(const struct archive_range *range, size_t max, const char *what, struct buffer *data,
	struct error *err)
{
	if (range->size > max)
		return error_set(err, EFBIG, "%s is larger than %zu bytes", what, max);
	_cleanup_free_ char *bytes = xmalloc((size_t)range->size + 1);
	ssize_t n = fd_pread_full(range->fd, bytes, (size_t)range->size, range->start);
	if (n < 0)
		return error_errno(err, "cannot read %s", what);
	if ((uint64_t)n != range->size)
		return error_set(err, EINVAL, "%s is cut short", what);
	buffer_append(data, bytes, (size_t)n);
	return 0;
}

char *local_manifest_digest(const char *config, size_t config_len, const struct strv *diff_ids)
{
	_cleanup_buffer_ struct buffer text = BUFFER_INIT;
	_cleanup_free_ char *digest = digest_of(NULL, config, config_len);
	buffer_printf(&text,
		"{\"schemaVersion\":2,\"mediaType\":\"application/"
		"vnd.oci.image.manifest.v1+json\",\"config\":{"
		"\"mediaType\":\"application/"
		"vnd.oci.image.config.v1+json\",\"digest\":\"%s\",\"size\":%zu},\"layers\":[",
		digest, config_len);
	for (size_t i = 0; i < diff_ids->count; i++)
		buffer_printf(&text,
			"%s{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\",\"digest\":\"%s\"}",
			i > 0 ? "," : "", diff_ids->items[i]);
	buffer_puts(&text, "]}");
	return digest_of(NULL, text.data, text.len);
}
