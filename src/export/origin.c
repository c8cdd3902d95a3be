#include "export/origin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "rootfs/resolve.h"

void origin_files_cleanup(struct origin_files *f)
{
	for (unsigned i = 0; i < RECOVER_FILE_COUNT; i++)
		free(f->texts[i]);
	*f = (struct origin_files){ .created = -1 };
}

/* A text of a NUL byte inside is none that we wrote. */
static void take_text(struct origin_files *f, unsigned i, char *text, size_t len)
{
	if (text == NULL || memchr(text, '\0', len) != NULL)
		free(text);
	else
		f->texts[i] = text;
}

/* A symlink there leads to files that a layer has under other names. */
static bool is_symlink_etc(const struct origin *o)
{
	struct stat st;
	return fstatat(o->rootfs, "etc", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

/* Nothing there that could be a file of ours: then the image says nothing of it. Anything else is no reason to lose it. */
static bool is_missing(int code)
{
	return code == ENOENT || code == ENOTDIR || code == ELOOP || code == EXDEV || code == ENXIO ||
	       code == ENODEV;
}

/* Symlinks on the way are followed inside the root filesystem; the file itself must be a regular one. */
static int read_from_rootfs(const struct origin *o, struct origin_files *f, unsigned i, struct error *err)
{
	_cleanup_free_ char *path = xasprintf("/etc/%s", recover_names[i]);
	_cleanup_error_ struct error missing = ERROR_INIT;
	_cleanup_close_ int fd =
		resolve_open(o->rootfs, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, &missing);
	struct stat st;
	char *text = NULL;
	size_t len = 0;
	if (fd < 0)
		return is_missing(missing.code) ? 0 : error_move(err, &missing);
	if (fstat(fd, &st) < 0)
		return error_errno(err, "cannot look at %s%s", o->name, path);
	if (!S_ISREG(st.st_mode))
		return 0;
	if (fd_read_all(fd, RECOVER_SIZE_MAX, &text, &len) < 0 && errno != EFBIG)
		return error_errno(err, "cannot read %s%s", o->name, path);
	f->has_links[i] = st.st_nlink > 1 || is_symlink_etc(o);
	if (i == RECOVER_RC)
		f->created = st.st_mtim.tv_sec;
	take_text(f, i, text, len);
	return 0;
}

static int read_from_image(
	struct sqfs_reader *r, const struct origin *o, struct origin_files *f, unsigned i, struct error *err)
{
	_cleanup_free_ char *path = xasprintf("etc/%s", recover_names[i]);
	struct sqfs_inode inode;
	size_t len = 0;
	int found = sqfs_lookup_path(r, path, &inode, err);
	if (found <= 0)
		return found;
	if (inode.type != SQFS_FILE || inode.size > RECOVER_SIZE_MAX)
		return 0;
	char *text = sqfs_read_file(r, &inode, RECOVER_SIZE_MAX, &len, err);
	if (text == NULL)
		return -1;
	f->has_links[i] = inode.nlink > 1;
	if (i == RECOVER_RC)
		f->created = inode.mtime;
	take_text(f, i, text, len);
	return 0;
}

static bool has_script(struct sqfs_reader *r, const struct origin *o)
{
	_cleanup_error_ struct error missing = ERROR_INIT;
	struct sqfs_inode inode;
	if (r != NULL)
		return sqfs_lookup_path(r, "etc/" ORIGIN_SCRIPT, &inode, &missing) != 0;
	_cleanup_close_ int fd =
		resolve_open(o->rootfs, "/etc/" ORIGIN_SCRIPT, O_PATH | O_NOFOLLOW, &missing);
	return fd >= 0;
}

int origin_read_files(const struct origin *o, struct origin_files *f, struct error *err)
{
	*f = (struct origin_files){ .created = -1 };
	struct sqfs_reader *r = NULL;
	int result = 0;
	if (o->image != NULL && (r = sqfs_reader_new(o->image, err)) == NULL)
		return -1;
	for (unsigned i = 0; i < RECOVER_FILE_COUNT && result == 0; i++)
		result = r != NULL ? read_from_image(r, o, f, i, err) : read_from_rootfs(o, f, i, err);
	f->has_script = has_script(r, o);
	sqfs_reader_free(r);
	return result;
}
