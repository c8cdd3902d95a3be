/* Names of libraries, and the cache by which the container's dynamic linker finds them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/str.h"
#include "hooks/gpu/inject.h"
#include "hooks/gpu/ldcache.h"
#include "hooks/place.h"
#include "rootfs/resolve.h"
#include "sandbox/mount.h"
#include "sandbox/rootfile.h"

#define CACHE       "/etc/ld.so.cache"
#define CONF_DIR    "/etc/ld.so.conf.d"
#define CONF_FILE   CONF_DIR "/00-enroot-devices.conf"
#define MAX_ENTRIES 100000 /* of a folder */

struct scan {
	struct inject *in;
	struct ldcache cache;
	struct strv known; /* sorted paths of the cache as the image brought it, without "/usr" */
};

static const char *without_usr(const char *path)
{
	return str_starts_with(path, "/usr/") ? path + strlen("/usr") : path;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void read_cache(struct scan *scan)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_free_ char *text = NULL;
	size_t len;
	if (rootfile_read(scan->in->ctx->root, CACHE, &text, &len, &err) < 0 ||
		len == 0) /* none, a place to mount on */
		return;
	if (ldcache_parse(&scan->cache, text, len, &err) < 0) {
		log_warn("%s of the container: %s: it is made anew", CACHE, err.message);
		return;
	}
	for (size_t i = 0; i < scan->cache.count; i++)
		strv_push(&scan->known, without_usr(scan->cache.entries[i].path));
	if (scan->known.count > 0)
		qsort(scan->known.items, scan->known.count, sizeof(char *), compare_texts);
}

/* Does the image's cache have the library PATH already: itself, or as libX.so.1 for libX.so.1.2? */
static bool is_known(const struct scan *scan, const char *path)
{
	_cleanup_free_ char *copy = xstrdup(without_usr(path));
	while (scan->known.count > 0) {
		if (bsearch(&copy, scan->known.items, scan->known.count, sizeof(char *), compare_texts))
			return true;
		char *dot = strrchr(copy, '.');
		if (dot == NULL || strchr(dot, '/') != NULL || str_eq(dot, ".so"))
			break;
		*dot = '\0';
	}
	return false;
}

/* Was PATH mounted, or a folder above it? */
static bool is_mounted(const struct inject *in, const char *path)
{
	for (size_t i = 0; i < in->files.count; i++) {
		size_t len = strlen(in->files.items[i]);
		if (strncmp(path, in->files.items[i], len) == 0 && (path[len] == '\0' || path[len] == '/'))
			return true;
	}
	return false;
}

static bool names_file(int root, const char *path, const struct stat *file)
{
	struct stat st;
	_cleanup_error_ struct error ignored = ERROR_INIT;
	_cleanup_close_ int fd = resolve_open(root, path, O_PATH, &ignored);
	return fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == file->st_dev && st.st_ino == file->st_ino;
}

/* Make PATH (the SONAME) lead to the library; over a link of the image's own the library is mounted. */
static int make_name(struct inject *in, const char *path, const char *target, int library,
	const struct stat *st, struct error *err)
{
	if (inject_link(in, target, path, err) < 0)
		return -1;
	if (names_file(in->ctx->root, path, st))
		return 0;
	_cleanup_close_ int itself = resolve_open(in->ctx->root, path, O_PATH | O_NOFOLLOW, err);
	if (itself < 0 || mount_bind_fd(library, itself, MS_RDONLY | MS_NOSUID | MS_NODEV, err) < 0)
		return error_prefix(err, "%s", path);
	return 0;
}

static int add_library(struct scan *scan, const char *folder, const char *name, struct error *err)
{
	int root = scan->in->ctx->root;
	_cleanup_free_ char *path = path_join(folder, name), *soname = NULL;
	bool ours = is_mounted(scan->in, path);
	if (!ours && is_known(scan, path))
		return 0;
	_cleanup_error_ struct error ignored = ERROR_INIT;
	_cleanup_close_ int fd = resolve_open(root, path, O_RDONLY | O_NONBLOCK, &ignored);
	struct stat st;
	uint32_t flags;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !library_identify(fd, &soname, &flags))
		return 0; /* a link that dangles, a linker script */
	const char *called = soname != NULL ? soname : name;
	_cleanup_free_ char *known_as = path_join(folder, called);
	if (ours && !str_eq(called, name) && make_name(scan->in, known_as, name, fd, &st, err) < 0)
		return -1;
	if (names_file(root, known_as, &st))
		ldcache_add(&scan->cache, called, known_as, flags);
	return 0;
}

static int scan_folder(struct scan *scan, const char *folder, struct error *err)
{
	_cleanup_error_ struct error ignored = ERROR_INIT;
	_cleanup_strv_ struct strv names = STRV_INIT;
	int fd = resolve_open(scan->in->ctx->root, folder, O_RDONLY | O_DIRECTORY, &ignored);
	if (fd < 0)
		return 0;
	_cleanup_closedir_ DIR *dir = fdopendir(fd);
	if (dir == NULL) {
		close(fd);
		return 0;
	}
	for (const struct dirent *e; (e = readdir(dir)) != NULL && names.count < MAX_ENTRIES;) {
		if (str_starts_with(e->d_name, "lib") && strstr(e->d_name, ".so") != NULL)
			strv_push(&names, e->d_name);
	}
	if (names.count > 0) /* whatever the order on disk */
		qsort(names.items, names.count, sizeof(char *), compare_texts);
	for (size_t i = 0; i < names.count; i++) {
		if (add_library(scan, folder, names.items[i], err) < 0)
			return -1;
	}
	return 0;
}

/* For an ldconfig that is run inside a container which keeps its changes. */
static int write_conf(const struct inject *in, struct error *err)
{
	_cleanup_error_ struct error ignored = ERROR_INIT;
	struct buffer text _cleanup_buffer_ = BUFFER_INIT;
	_cleanup_close_ int dir = resolve_open(in->ctx->root, CONF_DIR, O_PATH | O_DIRECTORY, &ignored);
	if (dir < 0 || !in->ctx->writable)
		return 0;
	for (size_t i = 0; i < in->folders.count; i++) {
		if (strpbrk(in->folders.items[i], "\n#") == NULL)
			buffer_printf(&text, "%s\n", in->folders.items[i]);
	}
	return text.len == 0 ? 0 : place_file(in->ctx, CONF_FILE, text.data, text.len, 0644, err);
}

static int update(struct scan *scan, struct error *err)
{
	const struct inject *in = scan->in;
	size_t len;
	read_cache(scan);
	for (size_t i = 0; i < in->folders.count; i++) {
		if (scan_folder(scan, in->folders.items[i], err) < 0)
			return -1;
	}
	if (scan->cache.count == 0)
		return 0;
	_cleanup_free_ char *text = ldcache_format(&scan->cache, &len);
	if (place_file(in->ctx, CACHE, text, len, 0644, err) < 0)
		return -1;
	return write_conf(in, err);
}

int inject_libraries(struct inject *in, struct error *err)
{
	struct scan scan = { .in = in };
	int r = in->folders.count > 0 ? update(&scan, err) : 0;
	ldcache_cleanup(&scan.cache);
	strv_cleanup(&scan.known);
	return r;
}
