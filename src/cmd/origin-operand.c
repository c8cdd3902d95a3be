#include "cmd/origin-operand.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/paths.h"
#include "base/str.h"
#include "cmd/requests.h"
#include "store/container.h"

#define SUFFIX ".sqsh"

static const char squashfs_magic[4] = { 'h', 's', 'q', 's' };

void origin_operand_close(struct origin_operand *o)
{
	sqfs_image_close(o->origin.image);
	if (o->fd >= 0)
		close(o->fd);
	free(o->path);
	free(o->base);
	*o = ORIGIN_OPERAND_INIT;
}

/* A descriptor of OPERAND, if it is a regular file that begins as squashfs images do; else -1. */
static int open_image(const char *operand)
{
	char magic[sizeof(squashfs_magic)];
	struct stat st;
	_cleanup_close_ int fd = open(operand, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
		pread(fd, magic, sizeof(magic), 0) != (ssize_t)sizeof(magic) ||
		memcmp(magic, squashfs_magic, sizeof(magic)) != 0)
		return -1;
	return steal_fd(&fd);
}

bool origin_operand_is_image(const char *operand)
{
	_cleanup_close_ int fd = open_image(operand);
	return fd >= 0;
}

int origin_open_container(const struct settings *s, const char *name, char **path, struct error *err)
{
	if (container_name_check(name, err) < 0 || settings_need_directory(s, SETTING_DATA_PATH, err) < 0)
		return -1;
	*path = container_path(settings_get(s, SETTING_DATA_PATH), name);
	int dir = open(*path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 && (errno == ENOENT || errno == ENOTDIR))
		return error_set(err, ENOENT, "No such file or directory: %s", *path);
	return dir < 0 ? error_errno(err, "cannot open %s", *path) : dir;
}

int origin_operand_open(
	const struct settings *s, const char *operand, struct origin_operand *o, struct error *err)
{
	const struct sqfs_image_options how = { .cache_bytes = (size_t)8 << 20 };
	*o = ORIGIN_OPERAND_INIT;
	o->base = path_basename(operand);
	o->fd = open_image(operand);
	if (o->fd >= 0) {
		o->path = xstrdup(operand);
		if (str_ends_with(o->base, SUFFIX) && strlen(o->base) > strlen(SUFFIX))
			o->base[strlen(o->base) - strlen(SUFFIX)] = '\0';
		o->origin.image = sqfs_image_open(o->fd, o->path, &how, err);
		o->origin.name = o->path;
		return o->origin.image != NULL ? 0 : -1;
	}
	if (strchr(operand, '/') != NULL) /* can only be meant as a file */
		return access(operand, F_OK) == 0
			       ? error_set(err, EINVAL, "Invalid image format: %s", operand)
			       : error_set(err, ENOENT, "No such file or directory: %s", operand);
	o->fd = origin_open_container(s, operand, &o->path, err);
	o->origin.rootfs = o->fd;
	o->origin.name = o->path;
	return o->fd >= 0 ? 0 : -1;
}

static int choose_compression(
	const char *name, enum layer_compression otherwise, enum layer_compression *c, struct error *err)
{
	static const char *const names[] = {
		[LAYER_PLAIN] = "none", [LAYER_GZIP] = "gzip", [LAYER_ZSTD] = "zstd"
	};
	*c = otherwise;
	for (unsigned i = 0; name != NULL && i < ARRAY_SIZE(names); i++) {
		if (!str_eq(name, names[i]))
			continue;
		*c = (enum layer_compression)i;
		return 0;
	}
	if (name == NULL)
		return 0;
	error_set(err, EINVAL, "Invalid argument: --compress=%s", name);
	return error_hint(err, "known are gzip, zstd and none");
}

int origin_options(const struct settings *s, const char *compress, enum layer_compression otherwise,
	const char *arch, struct export_options *options, struct error *err)
{
	struct layer_limits limits;
	uint64_t threads = 0;
	*options = (struct export_options){ .arch = arch };
	if (choose_compression(compress, otherwise, &options->compression, err) < 0 ||
		request_epoch(&options->has_epoch, &options->epoch, err) < 0 ||
		request_limits(s, &limits, err) < 0)
		return -1;
	if (settings_get(s, SETTING_MAX_PROCESSORS) != NULL &&
		settings_number(s, SETTING_MAX_PROCESSORS, &threads, err) < 0)
		return -1;
	options->threads = (unsigned)MIN(threads, (uint64_t)INT32_MAX);
	options->limits =
		(struct image_scan_limits){ .max_bytes = limits.max_bytes, .max_inodes = limits.max_inodes };
	return 0;
}
