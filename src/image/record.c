#include "image/record.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"
#include "squashfs/reader.h"

#define RC_MAX ((size_t)8 << 20)

static char *read_rc(struct sqfs_image *image)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct sqfs_reader *r = sqfs_reader_new(image, &err);
	struct sqfs_inode inode;
	char *text = NULL;
	size_t len;
	if (r != NULL && sqfs_lookup_path(r, "etc/rc", &inode, &err) == 1 && inode.type == SQFS_FILE)
		text = sqfs_read_file(r, &inode, RC_MAX, &len, &err);
	sqfs_reader_free(r);
	return text;
}

/* The first three lines are ours (image/files.c); the second and third count. */
static bool has_lines(const char *rc, const char *digest, const char *options)
{
	_cleanup_free_ char *want =
		xasprintf("\n# enroot-manifest: %s\n# enroot-options: %s\n", digest, options);
	const char *second = strchr(rc, '\n');
	return str_starts_with(rc, "# enroot-provenance: ") && second != NULL &&
	       str_starts_with(second, want);
}

bool image_record_matches(const char *path, const char *digest, const char *options)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	struct sqfs_image *image = sqfs_image_open(fd, path, NULL, &err);
	if (image == NULL)
		return false;
	_cleanup_free_ char *rc = NULL;
	if (sqfs_image_info(image)->bytes <= (uint64_t)st.st_size)
		rc = read_rc(image);
	sqfs_image_close(image);
	return rc != NULL && has_lines(rc, digest, options);
}
