#include "bundle/open.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "base/str.h"
#include "bundle/config.h"
#include "bundle/marker.h"
#include "rootfs/extract.h"

#define SELF     "/proc/self/exe"
#define TEXT_MAX (1u << 20) /* bytes of info and of settings */
#define PIECE    (1u << 20)

static char *own_path(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink(SELF, path, sizeof(path));
	return n > 0 && n < (ssize_t)sizeof(path) ? xstrndup(path, (size_t)n) : xstrdup(SELF);
}

int bundle_open(struct bundle *b, struct error *err)
{
	struct bundle_trailer trailer;
	struct stat st;
	b->path = own_path();
	b->fd = open(SELF, O_RDONLY | O_CLOEXEC);
	if (b->fd < 0 || fstat(b->fd, &st) < 0) {
		error_errno(err, "cannot open %s", b->path);
		return error_hint(err, "a bundle must be readable, not only executable, and needs /proc");
	}
	uint64_t size = (uint64_t)st.st_size;
	if (size < sizeof(trailer) || fd_pread_full(b->fd, &trailer, sizeof(trailer),
					      size - sizeof(trailer)) != (ssize_t)sizeof(trailer))
		return error_set(err, EINVAL, "%s: the bundle was cut short", b->path);
	return bundle_trailer_parse(&trailer, size, &b->layout, err) < 0 ? error_prefix(err, "%s", b->path)
									 : 0;
}

int bundle_check(const struct bundle *b, struct error *err)
{
	uint8_t digest[SHA256_SIZE];
	if (!(b->layout.flags & BUNDLE_HAS_CHECKSUM))
		return 0;
	_cleanup_free_ uint8_t *buffer = xmalloc(PIECE);
	struct sha256 *sha = sha256_new();
	uint64_t at = 0, end = b->layout.trailer_offset;
	while (at < end) {
		ssize_t n = fd_pread_full(b->fd, buffer, (size_t)MIN(end - at, (uint64_t)PIECE), at);
		if (n <= 0)
			break;
		sha256_update(sha, buffer, (size_t)n);
		at += (uint64_t)n;
	}
	sha256_final(sha, digest);
	sha256_free(sha);
	if (at != end || memcmp(digest, b->layout.sha256, sizeof(digest)) != 0)
		return error_set(err, EBADMSG, "Checksum validation failed: %s", b->path);
	return 0;
}

static char *read_text(const struct bundle *b, const char *path, struct error *err)
{
	struct sqfs_inode inode;
	char *text = NULL;
	struct sqfs_reader *r = sqfs_reader_new(b->config, err);
	int found = r != NULL ? sqfs_lookup_path(r, path, &inode, err) : -1;
	if (found == 0 || (found > 0 && inode.type != SQFS_FILE))
		error_set(err, ENOENT, "%s: the bundle lacks its %s", b->path, path);
	else if (found > 0)
		text = sqfs_read_file(r, &inode, TEXT_MAX, NULL, err);
	sqfs_reader_free(r);
	return text;
}

static void take_info(struct bundle *b, const char *line)
{
	const struct {
		const char *key;
		char **value;
	} texts[] = {
		{ "description=", &b->description },
		{ "target=", &b->target },
		{ "version=", &b->version },
	};
	if (str_starts_with(line, "bytes="))
		(void)str_parse_u64(line + strlen("bytes="), &b->bytes);
	for (unsigned i = 0; i < ARRAY_SIZE(texts); i++) {
		if (!str_starts_with(line, texts[i].key))
			continue;
		free(*texts[i].value);
		*texts[i].value = xstrdup(line + strlen(texts[i].key));
	}
}

int bundle_load(struct bundle *b, struct error *err)
{
	const struct sqfs_image_options options = { .offset = b->layout.config_offset };
	b->config = sqfs_image_open(b->fd, b->path, &options, err);
	if (b->config == NULL)
		return -1;
	_cleanup_free_ char *info = read_text(b, BUNDLE_INFO, err);
	_cleanup_free_ char *settings =
		info != NULL ? read_text(b, BUNDLE_ETC "/" BUNDLE_SETTINGS, err) : NULL;
	if (settings == NULL)
		return -1;
	_cleanup_strv_ struct strv lines = STRV_INIT, assignments = STRV_INIT;
	strv_split(&lines, info, '\n');
	for (size_t i = 0; i < lines.count; i++)
		take_info(b, lines.items[i]);
	strv_split(&assignments, settings, '\n');
	for (size_t i = 0; i < assignments.count; i++) {
		if (str_starts_with(assignments.items[i], "ENROOT_") &&
			strchr(assignments.items[i], '=') != NULL)
			strv_push(&b->settings, assignments.items[i]);
	}
	return 0;
}

void bundle_close(struct bundle *b)
{
	sqfs_image_close(b->config);
	cleanup_close(&b->fd);
	free(b->path);
	free(b->description);
	free(b->target);
	free(b->version);
	strv_cleanup(&b->settings);
	*b = BUNDLE_INIT;
}

struct sqfs_image *bundle_image(const struct bundle *b, size_t cache_bytes, struct error *err)
{
	const struct sqfs_image_options options = { .offset = b->layout.image_offset,
		.cache_bytes = cache_bytes };
	return sqfs_image_open(b->fd, b->path, &options, err);
}

int bundle_place_config(const struct bundle *b, int dir, const char *name, struct error *err)
{
	const struct extract_options options = { .threads = 1 };
	struct extract_report left_out;
	if (mkdirat(dir, name, 0700) < 0)
		return error_errno(err, "cannot create %s for the configuration of the bundle", name);
	_cleanup_close_ int place = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (place < 0)
		return error_errno(err, "cannot open %s for the configuration of the bundle", name);
	if (extract_image(b->config, place, &options, &left_out, err) < 0)
		return -1;
	if (mkdirat(place, "bin", 0755) < 0 || symlinkat(b->path, place, "bin/enroot-mount") < 0)
		return error_errno(err, "cannot place enroot-mount for the hooks of the bundle");
	return 0;
}

int bundle_copy_runtime(const struct bundle *b, int fd, struct error *err)
{
	char needle[] = BUNDLE_MARKER_HEAD BUNDLE_MARKER_TAIL;
	size_t len = (size_t)b->layout.image_offset;
	if (len > SSIZE_MAX / 2)
		return error_set(err, EFBIG, "%s: the bundle's trailer is corrupt", b->path);
	_cleanup_free_ char *program = xmalloc(len);
	if (fd_pread_full(b->fd, program, len, 0) != (ssize_t)len)
		return error_errno(err, "cannot read %s", b->path);
	char *marker = memmem(program, len, needle, sizeof(needle) - 1);
	if (marker != NULL && (size_t)(program + len - marker) >= BUNDLE_MARKER_SIZE)
		marker[BUNDLE_MARKER_BYTE] = '0';
	return fd_write_full(fd, program, len) < 0 ? error_errno(err, "cannot write the runtime") : 0;
}
