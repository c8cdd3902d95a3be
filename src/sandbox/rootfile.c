#include "sandbox/rootfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "rootfs/resolve.h"

int rootfile_read(int root, const char *path, char **text, size_t *len, struct error *err)
{
	_cleanup_close_ int fd = resolve_open(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, err);
	if (fd < 0)
		return -1;
	struct stat st;
	if (fstat(fd, &st) < 0)
		return error_errno(err, "cannot read %s in the root filesystem", path);
	if (!S_ISREG(st.st_mode))
		return error_set(err, EINVAL, "%s in the root filesystem is not a regular file", path);
	if (fd_read_all(fd, ROOTFILE_MAX_BYTES, text, len) < 0)
		return error_errno(err, "cannot read %s in the root filesystem", path);
	return 0;
}

char *rootfile_read_optional(int root, const char *path)
{
	_cleanup_error_ struct error ignored = ERROR_INIT;
	char *text = NULL;
	return rootfile_read(root, path, &text, NULL, &ignored) == 0 ? text : NULL;
}
