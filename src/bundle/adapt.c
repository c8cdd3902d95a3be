#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/fd.h"
#include "base/memory.h"
#include "bundle/config.h"
#include "bundle/open.h"

#define FILE_MAX (16u << 20)

static const char *const standard_files[] = {
	BUNDLE_ETC "/" BUNDLE_SYSTEM "/mounts.d/10-system.fstab",
	BUNDLE_ETC "/" BUNDLE_SYSTEM "/mounts.d/20-config.fstab",
};

/* Is the first word of LINE an absolute path that does not exist? One that must be decoded first is left alone. */
static bool lacks_source(const char *line, size_t len)
{
	struct stat st;
	size_t blanks = 0, end;
	while (blanks < len && (line[blanks] == ' ' || line[blanks] == '\t'))
		blanks++;
	for (end = blanks; end < len && line[end] != ' ' && line[end] != '\t'; end++) {
		if (line[end] == '\\' || line[end] == '$')
			return false;
	}
	if (end == blanks || line[blanks] != '/')
		return false;
	_cleanup_free_ char *source = xstrndup(line + blanks, end - blanks);
	return stat(source, &st) < 0 && (errno == ENOENT || errno == ENOTDIR);
}

static int adapt_file(int config, const char *path, struct error *err)
{
	_cleanup_buffer_ struct buffer kept = BUFFER_INIT;
	_cleanup_free_ char *text = NULL;
	size_t len;
	_cleanup_close_ int fd = openat(config, path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fd_read_all(fd, FILE_MAX, &text, &len) < 0)
		return error_errno(err, "cannot read %s of the bundle", path);
	for (size_t at = 0; at < len;) {
		const char *newline = memchr(text + at, '\n', len - at);
		size_t n = newline != NULL ? (size_t)(newline - (text + at)) + 1 : len - at;
		if (!lacks_source(text + at, n - (newline != NULL)))
			buffer_append(&kept, text + at, n);
		at += n;
	}
	if (kept.len == len)
		return 0;
	if (ftruncate(fd, 0) < 0 || fd_pwrite_full(fd, kept.data, kept.len, 0) < 0)
		return error_errno(err, "cannot write %s of the bundle", path);
	return 0;
}

int bundle_adapt_config(int config, struct error *err)
{
	for (unsigned i = 0; i < ARRAY_SIZE(standard_files); i++) {
		if (adapt_file(config, standard_files[i], err) < 0)
			return -1;
	}
	return 0;
}
