#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/interrupt.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/paths.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/extraction.h"
#include "rootfs/remove.h"
#include "store/container.h"

static const char usage[] =
	"Usage: enroot create [options] [--] IMAGE\n"
	"\n"
	"Create a container root filesystem from a squashfs image.\n"
	"\n"
	" Options:\n"
	"   -n, --name NAME  Name of the container (default: the image's, without .sqsh)\n"
	"   -f, --force      Replace an existing container\n"
	"   -h, --help       Show this text\n"
	"\n"
	"The container is made in ENROOT_DATA_PATH and appears there once it is complete.\n";

#define SUFFIX        ".sqsh"
#define LATEST_SUFFIX "+latest.sqsh"

struct create {
	const struct settings *settings;
	const char *data_path;
	char *image; /* owned: resolved */
	char *name;  /* owned: of the container */
	bool replace;
	int fd; /* owned: the image */
};

/* Images are written as X.sqsh here and as X+latest.sqsh by other versions: either name finds the other. */
static char *other_name(const char *image)
{
	size_t len = strlen(image);
	if (str_ends_with(image, LATEST_SUFFIX))
		return xasprintf("%.*s" SUFFIX, (int)(len - strlen(LATEST_SUFFIX)), image);
	if (str_ends_with(image, SUFFIX))
		return xasprintf("%.*s" LATEST_SUFFIX, (int)(len - strlen(SUFFIX)), image);
	return NULL;
}

static int resolve_image(struct create *c, const char *operand, struct error *err)
{
	c->image = realpath(operand, NULL);
	_cleanup_free_ char *other = c->image == NULL && errno == ENOENT ? other_name(operand) : NULL;
	if (other != NULL && (c->image = realpath(other, NULL)) != NULL)
		log_info("%s does not exist, using %s", operand, other);
	if (c->image == NULL && (errno == ENOENT || errno == ENOTDIR))
		return error_set(err, ENOENT, "No such file or directory: %s", operand);
	return c->image == NULL ? error_errno(err, "cannot open %s", operand) : 0;
}

static int open_image(struct create *c, struct error *err)
{
	struct stat st;
	c->fd = open(c->image, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (c->fd < 0 || fstat(c->fd, &st) < 0)
		return error_errno(err, "cannot open %s", c->image);
	if (!S_ISREG(st.st_mode))
		return error_set(err, ENOENT, "No such file or directory: %s", c->image);
	return 0;
}

static int choose_name(struct create *c, const char *given, struct error *err)
{
	c->name = given != NULL ? xstrdup(given) : path_basename(c->image);
	if (given == NULL && str_ends_with(c->name, SUFFIX))
		c->name[strlen(c->name) - strlen(SUFFIX)] = '\0';
	return container_name_check(c->name, err);
}

static int make_container(struct create *c, struct error *err)
{
	_cleanup_container_scratch_ struct container_scratch scratch = CONTAINER_SCRATCH_INIT;
	log_info("Extracting squashfs filesystem...");
	if (container_scratch_begin(&scratch, c->data_path, remove_for_scratch, err) < 0 ||
		extraction_run(c->settings, c->fd, c->image, &scratch, err) < 0 || interrupt_check(err) < 0)
		return -1;
	return container_scratch_publish(&scratch, c->data_path, c->name, c->replace, err);
}

static int create(struct create *c, const char *operand, const char *name, struct error *err)
{
	if (resolve_image(c, operand, err) < 0 || open_image(c, err) < 0 || choose_name(c, name, err) < 0)
		return -1;
	if (settings_need_directory(c->settings, SETTING_DATA_PATH, err) < 0)
		return -1;
	c->data_path = settings_get(c->settings, SETTING_DATA_PATH);
	if (extraction_check_name(c->data_path, c->name, c->replace, err) < 0)
		return -1;
	return make_container(c, err);
}

int cmd_create(struct settings *settings, int argc, char *argv[])
{
	struct create c = { .settings = settings, .fd = -1 };
	const char *name = NULL;
	const struct option_spec specs[] = {
		{ 'n', "name", OPTION_STRING, &name },
		{ 'f', "force", OPTION_FLAG, &c.replace },
	};
	int first;
	int status = options_parse_or_usage(argc, argv, specs, ARRAY_SIZE(specs), usage, 1, 1, &first);
	if (status >= 0)
		return status;

	_cleanup_error_ struct error err = ERROR_INIT;
	c.replace |= settings_is_true(settings, SETTING_FORCE_OVERRIDE);
	int r = create(&c, argv[first], name, &err);
	if (r < 0)
		log_failure(&err);
	if (c.fd >= 0)
		close(c.fd);
	free(c.image);
	free(c.name);
	return r < 0 ? 1 : 0;
}
