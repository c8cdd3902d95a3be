#include "cmd/start-uri.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"
#include "base/strv.h"
#include "base/uri.h"
#include "cmd/cached-request.h"
#include "cmd/image-program.h"
#include "store/container.h"

/* "tar:x" may be one, "docker://x" cannot. */
static bool is_container(const struct settings *s, const char *name)
{
	const char *data = settings_get(s, SETTING_DATA_PATH);
	_cleanup_free_ char *path = data != NULL ? container_path(data, name) : NULL;
	return path != NULL && strchr(name, '/') == NULL && access(path, F_OK) == 0;
}

bool start_uri_is(const struct settings *s, const char *operand)
{
	static const char *const prefixes[] = { "docker://", "dockerd://", "podman://",
		"oci:", "oci-archive:", "docker-archive:", "tar:" };
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (str_starts_with(operand, prefixes[i]))
			return !is_container(s, operand);
	return false;
}

/* Returns only on failure. */
static int become_resolver(char *argv[], int operand, const char *conf, struct error *err)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[n > 0 ? n : 0] = '\0';
	_cleanup_free_ char *program = image_program();
	_cleanup_free_ char *index = xasprintf("%d", operand);
	_cleanup_strv_ struct strv args = STRV_INIT;
	strv_push(&args, program);
	strv_push(&args, "start-uri");
	strv_push(&args, self);
	strv_push(&args, index);
	strv_push(&args, conf != NULL ? conf : "");
	for (char **arg = argv; *arg != NULL; arg++)
		strv_push(&args, *arg);
	execv(program, args.items);
	return error_errno(err, "cannot run %s", program);
}

int start_uri_open(const struct settings *s, char *argv[], int operand, const char *conf, bool is_offline,
	struct error *err)
{
	const char *uri = argv[operand];
	_cleanup_free_ char *path = NULL;
	int fd = is_offline || cached_uri_is_fixed(uri) ? cached_find(s, uri, &path) : -1;
	if (fd >= 0)
		return fd;
	if (!is_offline)
		return become_resolver(argv, operand, conf, err);
	_cleanup_free_ char *name = uri_redact(uri);
	error_set(err, ENOENT, "the cache has no image of %s", name);
	return error_hint(err, "start it once without --offline");
}

int start_uri_take(const char *number, struct error *err)
{
	uint64_t fd;
	struct stat st;
	if (!str_parse_u64(number, &fd) || fd > INT_MAX || fstat((int)fd, &st) < 0 || !S_ISREG(st.st_mode) ||
		fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0)
		return error_set(err, EINVAL, "Invalid argument: --" START_IMAGE_OPTION "=%s", number);
	return (int)fd;
}
