#include "cmd/directives.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"

#define CONF_MAX_BYTES (16u << 20)

int directives_take(struct settings *settings, const char *conf, char **real, struct error *err)
{
	/* O_NONBLOCK: a FIFO must not keep us waiting before it is refused. */
	_cleanup_close_ int fd = open(conf, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return error_set(err, errno, "%s: %s", strerror(errno), conf);
	struct stat st;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return error_set(err, ENOENT, "No such file or directory: %s", conf);
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	if (fd_read_all(fd, CONF_MAX_BYTES, &text, &len) < 0)
		return error_errno(err, "cannot read %s", conf);
	*real = realpath(conf, NULL);
	if (*real == NULL)
		return error_errno(err, "cannot resolve %s", conf);
	settings_add_directives(settings, *real, text, len);
	return 0;
}
