#include "config/files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/process.h"
#include "base/str.h"
#include "config/conffile.h"
#include "config/value.h"

#define FILE_MAX_BYTES   (1u << 20)
#define CHECK_TIMEOUT_MS 10000

struct reader {
	const struct strv *assigned;
	files_assign assign;
	void *ctx;
};

static int invalid(const char *path, struct error *err)
{
	return error_set(err, EINVAL, "Invalid configuration file: %s", path);
}

/* Does a shell accept the whole file? Asked only where some line is more than plain words. */
static bool shell_accepts(const char *path)
{
	const char *argv[] = { "/bin/sh", "-c", "exec /bin/sh -n \"$1\" 2>/dev/null", "sh", path, NULL };
	struct process_request req = { .argv = argv, .timeout_ms = CHECK_TIMEOUT_MS, .max_output = 4096 };
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_free_ char *output = NULL;
	return process_capture(&req, &output, NULL, &err) == 0;
}

static void take_line(const struct reader *r, const char *line, const char *path)
{
	struct conf_line parsed;
	_cleanup_free_ char *value = NULL;
	if (conf_line_parse(line, &parsed) && value_expand(parsed.value, r->assigned, &value) == VALUE_OK &&
		*value != '\0')
		r->assign(r->ctx, parsed.key, parsed.key_len, value, path);
}

/* TEXT is cut into lines in place. */
static int take_text(const struct reader *r, char *text, size_t len, const char *path, struct error *err)
{
	if (memchr(text, '\0', len) != NULL)
		return invalid(path, err);
	bool checked = false;
	for (char *line = text, *next; line != NULL; line = next) {
		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		if (!checked && !value_line_is_plain(line)) {
			if (!shell_accepts(path))
				return invalid(path, err);
			checked = true;
		}
	}
	for (const char *line = text; line <= text + len; line += strlen(line) + 1)
		take_line(r, line, path);
	return 0;
}

static int read_file(const struct reader *r, const char *path, struct error *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	if (fd < 0 || fd_read_all(fd, FILE_MAX_BYTES, &text, &len) < 0)
		return error_errno(err, "cannot read %s", path);
	return take_text(r, text, len, path, err);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int read_drop_ins(const struct reader *r, const char *dir, struct error *err)
{
	_cleanup_closedir_ DIR *d = opendir(dir);
	if (d == NULL)
		return errno == ENOENT || errno == ENOTDIR ? 0 : error_errno(err, "cannot read %s", dir);
	_cleanup_strv_ struct strv names = STRV_INIT;
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		if (e->d_name[0] != '.' && str_ends_with(e->d_name, ".conf"))
			strv_push(&names, e->d_name);
	}
	if (names.count > 1)
		qsort(names.items, names.count, sizeof(*names.items), compare);
	for (size_t i = 0; i < names.count; i++) {
		_cleanup_free_ char *path = path_join(dir, names.items[i]);
		if (read_file(r, path, err) < 0)
			return -1;
	}
	return 0;
}

int files_read(
	const char *path, const struct strv *assigned, files_assign assign, void *ctx, struct error *err)
{
	struct reader r = { .assigned = assigned, .assign = assign, .ctx = ctx };
	_cleanup_free_ char *dir = xasprintf("%s.d", path);
	if (read_file(&r, path, err) < 0)
		return -1;
	return read_drop_ins(&r, dir, err);
}
