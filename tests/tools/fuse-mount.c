/*
 * fuse-mount IMAGE[@OFFSET] DIR COMMAND [ARG…]: run COMMAND where IMAGE is mounted on DIR by the image server, in new
 * user and mount namespaces. With the environment's FUSE_MOUNT_ROOT as root. For tests and measurements.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "sandbox/fuse/image_server.h"
#include "sandbox/namespaces.h"

static int run(char *image, const char *dir, char *command[], struct error *err)
{
	_cleanup_image_server_ struct image_server server = IMAGE_SERVER_INIT;
	struct namespaces ns = { .user = true, .mount = true, .map_root = getenv("FUSE_MOUNT_ROOT") != NULL };
	uint64_t offset = 0;
	char *at = strrchr(image, '@');
	if (at != NULL) {
		*at = '\0';
		offset = strtoull(at + 1, NULL, 10);
	}
	_cleanup_close_ int fd = open(image, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "cannot open %s", image);
	const struct image_source source = { .fd = fd, .offset = offset, .name = image, .lock = -1 };
	_cleanup_close_ int target = -1;
	if (image_server_begin(&server, &source, err) < 0 || namespaces_enter(&ns, err) < 0)
		return -1;
	target = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (target < 0)
		return error_errno(err, "cannot open %s", dir);
	if (image_server_mount(&server, target, err) < 0)
		return -1;
	execvp(command[0], command);
	return error_errno(err, "cannot run %s", command[0]);
}

int main(int argc, char *argv[])
{
	_cleanup_error_ struct error err = ERROR_INIT;
	if (argc < 4) {
		fprintf(stderr, "usage: fuse-mount IMAGE[@OFFSET] DIR COMMAND [ARG...]\n");
		return 1;
	}
	if (run(argv[1], argv[2], argv + 3, &err) < 0)
		log_failure(&err);
	return 1;
}
