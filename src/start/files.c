/* The files that make up a container's environment and mounts: the image's, the system's, the user's. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/paths.h"
#include "base/str.h"
#include "rootfs/resolve.h"
#include "sandbox/environ.h"
#include "start/state.h"

typedef int load_fn(struct start *s, int fd, const char *name, struct error *err);

static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name); /* byte order, whatever the locale */
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int load_file(struct start *s, const char *path, load_fn *load, struct error *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "cannot open %s", path);
	return load(s, fd, path, err);
}

/* Every file *SUFFIX of BASE/NAME, in order of their names. A directory that is not there has none. */
static int load_directory(struct start *s, const char *base, const char *name, const char *suffix,
	load_fn *load, struct error *err)
{
	if (base == NULL)
		return 0;
	_cleanup_free_ char *dir = path_join(base, name);
	struct dirent **entries = NULL;
	int count = scandir(dir, &entries, is_visible, compare_names);
	if (count < 0 && errno != ENOENT && errno != ENOTDIR)
		return error_errno(err, "cannot read %s", dir);
	int r = 0;
	for (int i = 0; i < count; i++) {
		if (r == 0 && str_ends_with(entries[i]->d_name, suffix)) {
			_cleanup_free_ char *path = path_join(dir, entries[i]->d_name);
			r = load_file(s, path, load, err);
		}
		free(entries[i]);
	}
	free(entries);
	return r;
}

/* A file of the image: one that is missing, or is no file, says nothing. */
static int load_image_file(struct start *s, const char *path, load_fn *load, struct error *err)
{
	_cleanup_error_ struct error why = ERROR_INIT;
	_cleanup_close_ int fd = resolve_open(s->root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, &why);
	if (fd < 0)
		return why.code == ENOENT || why.code == ENOTDIR ? 0 : error_move(err, &why);
	struct stat st;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	return load(s, fd, path, err);
}

/* The image's file first, then the system's, then the user's. */
static int load_all(struct start *s, const char *image_file, const char *directory, const char *suffix,
	load_fn *load, struct error *err)
{
	if (load_image_file(s, image_file, load, err) < 0)
		return -1;
	if (load_directory(s, settings_get(s->settings, SETTING_SYSCONF_PATH), directory, suffix, load, err) <
		0)
		return -1;
	return load_directory(
		s, settings_get(s->settings, SETTING_CONFIG_PATH), directory, suffix, load, err);
}

static int load_environment(struct start *s, int fd, const char *name, struct error *err)
{
	return environ_load(&s->env, fd, name, s->host.items, err);
}

static int load_mounts(struct start *s, int fd, const char *name, struct error *err)
{
	return fstab_load(&s->fstab, fd, name, s->host.items, err);
}

int start_read_environment(struct start *s, struct error *err)
{
	return load_all(s, "/etc/environment", "environ.d", ".env", load_environment, err);
}

int start_read_mounts(struct start *s, struct error *err)
{
	return load_all(s, "/etc/fstab", "mounts.d", ".fstab", load_mounts, err);
}
