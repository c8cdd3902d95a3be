#include "cmd/start-operand.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "base/uri.h"
#include "store/container.h"

static const char squashfs_magic[4] = { 'h', 's', 'q', 's' };

enum operand { OPERAND_NAME, OPERAND_IMAGE, OPERAND_BAD_IMAGE };

/* A squashfs file is an image, whatever it is called; with a slash it can only be meant as a file. *IMAGE becomes
 * its descriptor. */
static enum operand classify(const char *operand, int *image)
{
	bool is_path = strchr(operand, '/') != NULL;
	struct stat st;
	if (stat(operand, &st) < 0 || !S_ISREG(st.st_mode))
		return OPERAND_NAME;
	char magic[sizeof(squashfs_magic)];
	_cleanup_close_ int fd = open(operand, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd >= 0 && read(fd, magic, sizeof(magic)) == (ssize_t)sizeof(magic) &&
		memcmp(magic, squashfs_magic, sizeof(magic)) == 0) {
		*image = steal_fd(&fd);
		return OPERAND_IMAGE;
	}
	return is_path ? OPERAND_BAD_IMAGE : OPERAND_NAME;
}

/* Images are written as X.sqsh here and as X+latest.sqsh by the established tool: either name finds the other. */
static char *find_other_name(const char *image)
{
	static const char plain[] = ".sqsh", tagged[] = "+latest.sqsh";
	_cleanup_free_ char *other = NULL;
	if (str_ends_with(image, tagged))
		other = xasprintf("%.*s%s", (int)(strlen(image) - strlen(tagged)), image, plain);
	else if (str_ends_with(image, plain))
		other = xasprintf("%.*s%s", (int)(strlen(image) - strlen(plain)), image, tagged);
	return other != NULL && access(other, F_OK) == 0 ? steal_pointer(&other) : NULL;
}

static char *find_container(const struct settings *settings, const char *name, struct error *err)
{
	const char *data = settings_get(settings, SETTING_DATA_PATH);
	struct stat st;
	if (data == NULL) {
		error_set(err, EINVAL, "ENROOT_DATA_PATH is not set");
		return NULL;
	}
	_cleanup_free_ char *path = NULL;
	if (str_eq(name, ".")) {
		path = xstrdup(data);
	} else if (strchr(name, '/') != NULL) { /* an image that is not there, or not a file */
		error_set(err, ENOENT, "No such file or directory: %s", name);
		return NULL;
	} else {
		if (container_name_check(name, err) < 0)
			return NULL;
		path = container_path(data, name);
	}
	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)) {
		error_set(err, ENOENT, "No such file or directory: %s", path);
		error_hint(err,
			"\"enroot list\" shows the containers, \"enroot create\" makes one from an image");
		return NULL;
	}
	return steal_pointer(&path);
}

/* The root filesystem that OPERAND names, owned by the caller; NULL with ERR. Of an image: its name, and *IMAGE
 * becomes its descriptor. */
static char *find_rootfs(const struct settings *settings, const char *operand, int *image, struct error *err)
{
	_cleanup_free_ char *other = NULL;
	if (access(operand, F_OK) < 0 && (other = find_other_name(operand)) != NULL) {
		log_info("%s does not exist, using %s", operand, other);
		operand = other;
	}
	switch (classify(operand, image)) {
	case OPERAND_IMAGE:
		return xstrdup(operand);
	case OPERAND_BAD_IMAGE:
		error_set(err, EINVAL, "Invalid image format: %s", operand);
		return NULL;
	case OPERAND_NAME:
		break;
	}
	return find_container(settings, operand, err);
}

int start_operand(
	const struct settings *settings, const char *operand, struct start_request *req, struct error *err)
{
	if (req->image >= 0) {
		_cleanup_free_ char *name = uri_redact(operand);
		req->rootfs = name;
		return start_run(req, err);
	}
	_cleanup_close_ int image = -1;
	_cleanup_free_ char *rootfs = find_rootfs(settings, operand, &image, err);
	if (rootfs == NULL)
		return -1;
	if (req->overlay != NULL && image < 0) {
		error_set(err, EINVAL, "--overlay is for images: %s is a container", operand);
		return error_hint(err, "start it with --rw to change it");
	}
	req->rootfs = rootfs;
	req->image = image;
	return start_run(req, err);
}
