/* The format oci: an image layout as a directory (image spec, image-layout.md). */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/publish.h"
#include "base/str.h"
#include "export/documents.h"
#include "rootfs/remove.h"

/* A layout under a temporary name beside its own. */
struct layout {
	const char *path;
	int parent;       /* owned: the directory that it is in */
	char *name;       /* owned: in PARENT */
	char *temp;       /* owned: the temporary name, once it exists */
	int layer;        /* owned: the layer's file */
	char *layer_temp; /* owned: its name in PARENT, where files without a name are refused */
};

static void layout_cleanup(struct layout *l)
{
	_cleanup_error_ struct error ignored = ERROR_INIT;
	if (l->temp != NULL)
		(void)remove_tree(l->parent, l->temp, l->temp, false, &ignored);
	if (l->layer_temp != NULL)
		(void)unlinkat(l->parent, l->layer_temp, 0);
	if (l->parent >= 0)
		close(l->parent);
	if (l->layer >= 0)
		close(l->layer);
	free(l->name);
	free(l->temp);
	free(l->layer_temp);
}

static int open_parent(struct layout *l, struct error *err)
{
	_cleanup_free_ char *path = xstrdup(l->path);
	size_t len = strlen(path);
	while (len > 1 && path[len - 1] == '/')
		path[--len] = '\0';
	char *slash = strrchr(path, '/');
	l->name = xstrdup(slash != NULL ? slash + 1 : path);
	if (slash != NULL)
		slash[slash == path] = '\0';
	if (*l->name == '\0' || str_eq(l->name, ".") || str_eq(l->name, ".."))
		return error_set(err, EINVAL, "Invalid argument: %s", l->path);
	l->parent = open(slash != NULL ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return l->parent >= 0 ? 0 : error_set(err, errno, "%s: %s", strerror(errno), l->path);
}

/* Only what is an OCI layout itself may be replaced by one. */
static int check_existing(const struct layout *l, bool replace, struct error *err)
{
	struct stat st;
	if (fstatat(l->parent, l->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : error_errno(err, "cannot look at %s", l->path);
	if (!replace)
		return error_set(err, EEXIST, "File already exists: %s", l->path);
	_cleanup_free_ char *mark = xasprintf("%s/oci-layout", l->name);
	if (S_ISDIR(st.st_mode) && fstatat(l->parent, mark, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	error_set(err, EEXIST, "File already exists, and is no OCI layout: %s", l->path);
	return error_hint(err, "remove it, or choose another name");
}

static int open_layer(struct layout *l, struct error *err)
{
	l->layer = openat(l->parent, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
	if (l->layer < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) { /* NFS */
		_cleanup_free_ char *name = publish_temp_name();
		l->layer = openat(l->parent, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (l->layer >= 0)
			l->layer_temp = steal_pointer(&name);
	}
	return l->layer >= 0 ? 0 : error_errno(err, "cannot create %s", l->path);
}

static int put_file(int dir, const char *name, const void *data, size_t len, struct error *err)
{
	_cleanup_close_ int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0 || fd_write_full(fd, data, len) < 0 || fsync(fd) < 0)
		return error_errno(err, "cannot write %s", name);
	return 0;
}

static int put_blob(int dir, const char *digest, const struct buffer *data, struct error *err)
{
	_cleanup_free_ char *name = xasprintf("blobs/sha256/%s", strchr(digest, ':') + 1);
	return put_file(dir, name, data->data, data->len, err);
}

static int put_layer(struct layout *l, int dir, const char *digest, struct error *err)
{
	_cleanup_free_ char *name = xasprintf("blobs/sha256/%s", strchr(digest, ':') + 1);
	_cleanup_free_ char *proc = xasprintf("/proc/self/fd/%d", l->layer);
	int r = fsync(l->layer);
	if (r == 0 && l->layer_temp == NULL)
		r = linkat(AT_FDCWD, proc, dir, name, AT_SYMLINK_FOLLOW);
	else if (r == 0 && (r = renameat(l->parent, l->layer_temp, dir, name)) == 0)
		free(steal_pointer(&l->layer_temp));
	return r < 0 ? error_errno(err, "cannot write %s", name) : 0;
}

/* Names are on the disk only with their directories: before the layout has its own name. */
static int sync_directories(const struct layout *l, int dir, struct error *err)
{
	static const char *const names[] = { "blobs/sha256", "blobs", "." };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_close_ int fd =
			openat(dir, names[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || fsync(fd) < 0)
			return error_errno(err, "cannot write %s", l->path);
	}
	return 0;
}

static int fill(
	struct layout *l, int dir, const struct export_image *image, const char *tag, struct error *err)
{
	_cleanup_buffer_ struct buffer index = BUFFER_INIT;
	documents_index(image, tag, &index);
	if (mkdirat(dir, "blobs", 0777) < 0 || mkdirat(dir, "blobs/sha256", 0777) < 0)
		return error_errno(err, "cannot create %s", l->path);
	if (put_layer(l, dir, image->layer.digest, err) < 0 ||
		put_blob(dir, image->config_digest, &image->config, err) < 0 ||
		put_blob(dir, image->manifest_digest, &image->manifest, err) < 0 ||
		put_file(dir, "index.json", index.data, index.len, err) < 0 ||
		put_file(dir, "oci-layout", DOCUMENTS_OCI_LAYOUT, strlen(DOCUMENTS_OCI_LAYOUT), err) < 0)
		return -1;
	return sync_directories(l, dir, err);
}

/* Exchange the two; where the file system cannot (NFS), one after the other. */
static int exchange(struct layout *l)
{
	if (renameat2(l->parent, l->temp, l->parent, l->name, RENAME_EXCHANGE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	char *aside = publish_temp_name();
	if (renameat(l->parent, l->name, l->parent, aside) < 0 ||
		renameat(l->parent, l->temp, l->parent, l->name) < 0) {
		int code = errno;
		(void)renameat(l->parent, aside, l->parent, l->name);
		free(aside);
		errno = code;
		return -1;
	}
	free(l->temp);
	l->temp = aside;
	return 0;
}

/* The temporary gets the name; what had it before has the temporary one then, and goes with it. */
static int give_name(struct layout *l, bool replace, struct error *err)
{
	int r = rename_noreplace(l->parent, l->temp, l->parent, l->name);
	if (r == 0) {
		free(steal_pointer(&l->temp));
	} else if (errno == EEXIST && replace) {
		if (check_existing(l, true, err) < 0)
			return -1;
		r = exchange(l);
	} else if (errno == EEXIST || errno == ENOTEMPTY) {
		return error_set(err, EEXIST, "File already exists: %s", l->path);
	}
	if (r < 0)
		return error_errno(err, "cannot publish %s", l->path);
	(void)fsync(l->parent);
	return 0;
}

static int make(struct layout *l, const struct export_request *req, struct export_image *image, bool replace,
	struct error *err)
{
	if (open_parent(l, err) < 0 || check_existing(l, replace, err) < 0 || open_layer(l, err) < 0)
		return -1;
	/* The long part leaves nothing behind, however it ends: the directory is made after it. */
	if (export_image_make(req->origin, req->options, l->layer, image, err) < 0)
		return -1;
	_cleanup_free_ char *temp = publish_temp_name();
	if (mkdirat(l->parent, temp, 0777) < 0)
		return error_errno(err, "cannot create %s", l->path);
	l->temp = steal_pointer(&temp);
	_cleanup_close_ int dir = openat(l->parent, l->temp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return error_errno(err, "cannot open %s", l->path);
	return fill(l, dir, image, req->tag, err) < 0 ? -1 : give_name(l, replace, err);
}

int export_layout(const struct export_request *req, const char *path, bool replace,
	char digest[LAYER_DIGEST_SIZE], struct error *err)
{
	_cleanup_export_image_ struct export_image image = { 0 };
	struct layout l = { .path = path, .parent = -1, .layer = -1 };
	int r = make(&l, req, &image, replace, err);
	layout_cleanup(&l);
	memcpy(digest, image.manifest_digest, LAYER_DIGEST_SIZE);
	return r;
}
