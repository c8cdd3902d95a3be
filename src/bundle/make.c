#include "bundle/make.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/publish.h"
#include "base/sha256.h"
#include "bundle/config.h"
#include "bundle/format.h"
#include "bundle/marker.h"
#include "squashfs/reader.h"

#define RUNTIME_MAX (256u << 20) /* bytes; more is no program of ours */
#define PIECE       (1u << 20)

static uint64_t align(uint64_t offset)
{
	return (offset + BUNDLE_ALIGN - 1) / BUNDLE_ALIGN * BUNDLE_ALIGN;
}

/* The runtime, with its marker set. */
static int write_runtime(int out, const char *path, uint64_t *end, struct error *err)
{
	char needle[] = BUNDLE_MARKER_HEAD BUNDLE_MARKER_TAIL;
	_cleanup_free_ char *program = NULL;
	size_t len;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fd_read_all(fd, RUNTIME_MAX, &program, &len) < 0)
		return error_errno(err, "cannot read the runtime %s", path);
	char *marker = memmem(program, len, needle, sizeof(needle) - 1);
	if (marker == NULL || (size_t)(program + len - marker) < BUNDLE_MARKER_SIZE ||
		marker[BUNDLE_MARKER_BYTE] != '0')
		return error_set(err, EINVAL, "%s is not a program that bundles can be made of", path);
	marker[BUNDLE_MARKER_BYTE] = '1';
	if (fd_pwrite_full(out, program, len, 0) < 0)
		return error_errno(err, "cannot write the bundle");
	*end = len;
	return 0;
}

/* In the kernel where it can (a clone, on some file systems), else through a buffer. */
static int copy_bytes(int out, uint64_t to, int in, uint64_t len, struct error *err)
{
	off_t from = 0, at = (off_t)to;
	_cleanup_free_ uint8_t *buffer = NULL;
	while ((uint64_t)from < len) {
		if (interrupt_check(err) < 0)
			return -1;
		size_t want = (size_t)MIN(len - (uint64_t)from, (uint64_t)64 * PIECE);
		ssize_t n = buffer == NULL ? copy_file_range(in, &from, out, &at, want, 0) : 0;
		if (n > 0)
			continue;
		if (buffer == NULL)
			buffer = xmalloc(PIECE);
		n = fd_pread_full(in, buffer, MIN(want, (size_t)PIECE), (uint64_t)from);
		if (n < 0)
			return error_errno(err, "cannot read the image");
		if (n == 0)
			return error_set(err, EIO, "the image became shorter while it was read");
		if (fd_pwrite_full(out, buffer, (size_t)n, (uint64_t)at) < 0)
			return error_errno(err, "cannot write the bundle");
		from += n;
		at += n;
	}
	return 0;
}

static int hash_file(int fd, uint64_t len, uint8_t digest[SHA256_SIZE], struct error *err)
{
	_cleanup_free_ uint8_t *buffer = xmalloc(PIECE);
	struct sha256 *sha = sha256_new();
	for (uint64_t at = 0; at < len;) {
		ssize_t n = fd_pread_full(fd, buffer, (size_t)MIN(len - at, (uint64_t)PIECE), at);
		if (n <= 0 || interrupt_requested()) {
			sha256_free(sha);
			return n > 0 ? interrupt_check(err) : error_errno(err, "cannot read the bundle back");
		}
		sha256_update(sha, buffer, (size_t)n);
		at += (uint64_t)n;
	}
	sha256_final(sha, digest);
	sha256_free(sha);
	return 0;
}

/* Depth first, without recursion: the directories still to be read. */
struct todo {
	uint64_t *refs;
	size_t count, capacity;
};

static int add_directory(
	struct sqfs_reader *r, struct todo *todo, uint64_t ref, uint64_t *bytes, struct error *err)
{
	struct sqfs_inode inode;
	struct sqfs_dir dir;
	struct sqfs_entry entry;
	if (sqfs_inode(r, ref, &inode, err) < 0 || sqfs_dir_open(r, &inode, &dir, err) < 0)
		return -1;
	int n;
	while ((n = sqfs_dir_next(r, &dir, &entry, err)) == 1) {
		if (sqfs_inode(r, entry.ref, &inode, err) < 0)
			return -1;
		if (inode.type == SQFS_FILE)
			*bytes += inode.size / MAX(inode.nlink, 1u);
		if (inode.type != SQFS_DIR)
			continue;
		grow_array(&todo->refs, &todo->capacity, todo->count + 1);
		todo->refs[todo->count++] = entry.ref;
	}
	return n;
}

/* What the files of the image will take when they are extracted. Visiting all of it also says that it is sound. */
static int measure_image(struct sqfs_image *image, uint64_t *bytes, struct error *err)
{
	struct todo todo = { 0 };
	struct sqfs_inode root;
	struct sqfs_reader *r = sqfs_reader_new(image, err);
	int result = r != NULL ? sqfs_root(r, &root, err) : -1;
	uint64_t directories = 0;
	*bytes = 0;
	if (result == 0)
		result = add_directory(r, &todo, root.ref, bytes, err);
	while (result == 0 && todo.count > 0) {
		if (++directories > sqfs_image_info(image)->inodes)
			result = error_set(err, EUCLEAN, "a loop in the image's directories");
		else
			result = add_directory(r, &todo, todo.refs[--todo.count], bytes, err);
		if (result == 0)
			result = interrupt_check(err);
	}
	free(todo.refs);
	sqfs_reader_free(r);
	return result;
}

static int write_trailer(int out, struct bundle_layout *l, bool checksum, struct error *err)
{
	struct bundle_trailer trailer;
	if (checksum) {
		l->flags |= BUNDLE_HAS_CHECKSUM;
		if (hash_file(out, l->trailer_offset, l->sha256, err) < 0)
			return -1;
	}
	bundle_trailer_format(l, &trailer);
	if (fd_pwrite_full(out, &trailer, sizeof(trailer), l->trailer_offset) < 0)
		return error_errno(err, "cannot write the bundle");
	return 0;
}

static int write_bundle(
	int out, const struct bundle_request *req, int in, struct sqfs_image *image, struct error *err)
{
	struct bundle_layout l = { 0 };
	struct stat st;
	uint64_t end, bytes;
	uint32_t time = req->has_epoch ? req->epoch : sqfs_image_info(image)->mkfs_time;
	if (fstat(in, &st) < 0)
		return error_errno(err, "cannot look at %s", req->image);
	if (measure_image(image, &bytes, err) < 0 || write_runtime(out, req->runtime, &end, err) < 0)
		return -1;
	l.image_offset = align(end);
	l.image_bytes = (uint64_t)st.st_size;
	if (copy_bytes(out, l.image_offset, in, l.image_bytes, err) < 0)
		return -1;
	l.config_offset = align(l.image_offset + l.image_bytes);
	if (bundle_config_write(out, l.config_offset, req, bytes, time, &l.config_bytes, err) < 0)
		return -1;
	l.trailer_offset = align(l.config_offset + l.config_bytes);
	if (ftruncate(out, (off_t)l.trailer_offset) < 0)
		return error_errno(err, "cannot write the bundle");
	return write_trailer(out, &l, req->checksum, err);
}

int bundle_make(const struct bundle_request *req, struct error *err)
{
	_cleanup_publish_ struct publish p = PUBLISH_INIT;
	_cleanup_close_ int in = open(req->image, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	if (in < 0 && (errno == ENOENT || errno == ENOTDIR))
		return error_set(err, ENOENT, "No such file or directory: %s", req->image);
	if (in < 0 || fstat(in, &st) < 0)
		return error_errno(err, "cannot open %s", req->image);
	if (!S_ISREG(st.st_mode))
		return error_set(err, ENOENT, "No such file or directory: %s", req->image);
	struct sqfs_image *image = sqfs_image_open(in, req->image, NULL, err);
	if (image == NULL)
		return -1;
	int r = publish_begin(&p, req->output, 0777, req->replace, err);
	if (r == 0) {
		log_info("Generating bundle...");
		r = write_bundle(p.fd, req, in, image, err);
	}
	if (r == 0)
		r = publish_commit(&p, req->replace, err);
	sqfs_image_close(image);
	return r;
}
