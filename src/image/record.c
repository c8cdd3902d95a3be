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

/* The rest of the line that begins with PREFIX; *TEXT moves behind it. The caller owns it. NULL: another line. */
static char *take_line(const char **text, const char *prefix)
{
	if (!str_starts_with(*text, prefix))
		return NULL;
	const char *start = *text + strlen(prefix), *end = strchrnul(start, '\n');
	*text = *end != '\0' ? end + 1 : end;
	return xstrndup(start, (size_t)(end - start));
}

void image_record_cleanup(struct image_record *r)
{
	free(r->provenance);
	free(r->digest);
	free(r->options);
	*r = (struct image_record){ 0 };
}

/* The first three lines, image/files.c. */
static bool parse(const char *rc, struct image_record *r)
{
	r->provenance = take_line(&rc, "# enroot-provenance: ");
	r->digest = take_line(&rc, "# enroot-manifest: ");
	r->options = take_line(&rc, "# enroot-options: ");
	if (r->provenance != NULL && r->digest != NULL && r->options != NULL)
		return true;
	image_record_cleanup(r);
	return false;
}

bool image_record_read_fd(int fd, const char *path, struct image_record *r)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct stat st;
	*r = (struct image_record){ 0 };
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	struct sqfs_image *image = sqfs_image_open(fd, path, NULL, &err);
	if (image == NULL)
		return false;
	_cleanup_free_ char *rc = NULL;
	if (sqfs_image_info(image)->bytes <= (uint64_t)st.st_size)
		rc = read_rc(image);
	sqfs_image_close(image);
	return rc != NULL && parse(rc, r);
}

bool image_record_read(const char *path, struct image_record *r)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return image_record_read_fd(fd, path, r);
}

bool image_record_matches(const char *path, const char *digest, const char *options)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return image_record_matches_fd(fd, path, digest, options);
}

bool image_record_matches_fd(int fd, const char *path, const char *digest, const char *options)
{
	_cleanup_image_record_ struct image_record r;
	return image_record_read_fd(fd, path, &r) && str_eq(r.digest, digest) && str_eq(r.options, options);
}
