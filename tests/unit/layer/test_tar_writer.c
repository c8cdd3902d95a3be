/* Layers that we write: read back by our own reader, and by gzip, zstd and GNU tar. */
#include "../unit.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/process.h"
#include "base/sha256.h"
#include "base/str.h"
#include "layer/pack.h"
#include "layer/tar.h"
#include "layer/tar_writer.h"
#include "tarball.h"

static int to_buffer(void *ctx, const void *data, size_t len, struct error *err)
{
	(void)err;
	buffer_append(ctx, data, len);
	return 0;
}

struct bytes {
	const uint8_t *data;
	size_t len;
};

static int next_bytes(void *ctx, const uint8_t **data, size_t *len, struct error *err)
{
	struct bytes *b = ctx;
	(void)err;
	*data = b->data;
	*len = b->len;
	b->len = 0;
	return 0;
}

static char *repeat(const char *what, unsigned times)
{
	_cleanup_buffer_ struct buffer b = BUFFER_INIT;
	for (unsigned i = 0; i < times; i++)
		buffer_puts(&b, what);
	return buffer_steal(&b);
}

/* One member, there and back; data are SIZE times 'x'. */
static void check_member(const struct tar_member *m)
{
	_cleanup_buffer_ struct buffer tar = BUFFER_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct tar_writer *w = tar_writer_new(to_buffer, &tar);
	assert_int_equal(tar_writer_member(w, m, &err), 0);
	for (uint64_t i = 0; i < m->size; i++)
		assert_int_equal(tar_writer_data(w, "x", 1, &err), 0);
	assert_int_equal(tar_writer_finish(w, &err), 0);
	tar_writer_free(w);
	assert_int_equal(tar.len % TAR_BLOCK_SIZE, 0);

	struct bytes input = { .data = (const uint8_t *)tar.data, .len = tar.len };
	const struct tar_source source = { .ctx = &input, .next = next_bytes };
	struct tar_reader *r = tar_reader_new(&source);
	struct tar_entry e;
	assert_int_equal(tar_reader_next(r, &e, &err), 1);
	size_t len = strlen(m->path);
	assert_memory_equal(e.path, *m->path != '\0' ? m->path : ".", MAX(len, 1u));
	if (m->link != NULL) {
		assert_int_equal(e.link_len, strlen(m->link));
		assert_memory_equal(e.link, m->link, e.link_len);
	}
	assert_int_equal(e.mode, m->mode);
	assert_int_equal(e.mtime, m->mtime);
	assert_int_equal(e.size, m->size);
	assert_int_equal(e.xattr_count, m->xattr_count);
	for (size_t i = 0; i < m->xattr_count; i++) {
		assert_string_equal(e.xattrs[i].name, m->xattrs[i].name);
		assert_int_equal(e.xattrs[i].value_len, m->xattrs[i].value_len);
		assert_memory_equal(e.xattrs[i].value, m->xattrs[i].value, m->xattrs[i].value_len);
	}
	assert_int_equal(tar_reader_next(r, &e, &err), 0);
	tar_reader_free(r);
}

/* Every length of a name around the limits of the fields, with and without places to split at. */
static void names_of_every_length_come_back(void **state)
{
	(void)state;
	for (unsigned len = 1; len < 320; len++) {
		for (unsigned slash_at = 0; slash_at <= len; slash_at += 37) {
			_cleanup_free_ char *path = repeat("n", len);
			if (slash_at > 0 && slash_at + 1 < len)
				path[slash_at] = '/';
			check_member(&(struct tar_member){
				.path = path, .type = TREE_FILE, .mode = 0644, .mtime = 7, .size = len % 5 });
			check_member(
				&(struct tar_member){ .path = path, .type = TREE_DIRECTORY, .mode = 0755 });
			check_member(&(struct tar_member){
				.path = "l", .type = TREE_SYMLINK, .link = path, .mode = 0777 });
			check_member(&(struct tar_member){
				.path = path, .type = TREE_FILE, .is_hard_link = true, .link = path });
		}
	}
}

static void odd_members_come_back(void **state)
{
	(void)state;
	_cleanup_free_ char *deep = repeat("d/", 1500);
	_cleanup_free_ char *value = repeat("v\n", 5000);
	deep[strlen(deep) - 1] = '\0';
	const struct tree_xattr xattrs[] = {
		{ .name = "security.capability", .value = "\x01\0\0\x02\0\x20", .value_len = 6 },
		{ .name = "user.empty", .value = "", .value_len = 0 },
		{ .name = "user.long", .value = value, .value_len = 10000 },
	};
	const struct tar_member rows[] = {
		{ .path = "", .type = TREE_DIRECTORY, .mode = 0700, .mtime = UINT32_MAX },
		{ .path = deep, .type = TREE_FILE, .mode = 07777, .size = 513 },
		{ .path = "\xff\xfe\n ", .type = TREE_FILE, .mode = 0, .size = 512 },
		{ .path = "fifo", .type = TREE_FIFO, .mode = 0600 },
		{ .path = "x",
			.type = TREE_FILE,
			.size = 1,
			.xattrs = xattrs,
			.xattr_count = ARRAY_SIZE(xattrs) },
		{ .path = "d", .type = TREE_DIRECTORY, .xattrs = xattrs, .xattr_count = 1 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_member(&rows[i]);
}

static void wrong_sizes_are_refused(void **state)
{
	(void)state;
	_cleanup_buffer_ struct buffer tar = BUFFER_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	const struct tar_member file = { .path = "f", .type = TREE_FILE, .size = 5 };
	const struct tar_member device = { .path = "d", .type = TREE_CHAR_DEVICE };
	struct tar_writer *w = tar_writer_new(to_buffer, &tar);
	assert_int_equal(tar_writer_member(w, &device, &err), -1);
	assert_int_equal(tar_writer_member(w, &file, &err), 0);
	assert_int_equal(tar_writer_data(w, "123456", 6, &err), -1);
	assert_int_equal(tar_writer_zeros(w, UINT64_MAX, &err), -1);
	assert_int_equal(tar_writer_member(w, &file, &err), -1);
	assert_int_equal(tar_writer_finish(w, &err), -1);
	tar_writer_free(w);
}

/* More than eleven octal digits can say. */
static void huge_sizes_are_said(void **state)
{
	(void)state;
	_cleanup_buffer_ struct buffer tar = BUFFER_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	const uint64_t size = 0x123456789abcull;
	struct tar_writer *w = tar_writer_new(to_buffer, &tar);
	assert_int_equal(tar_writer_member(w,
				 &(struct tar_member){ .path = "f", .type = TREE_FILE, .size = size }, &err),
		0);
	tar_writer_free(w);
	for (int plain = 0; plain < 2; plain++) {
		uint8_t block[TAR_BLOCK_SIZE];
		tar_format_plain_header("f", size, block);
		struct bytes input = { .data = plain ? block : (const uint8_t *)tar.data,
			.len = plain ? sizeof(block) : tar.len };
		const struct tar_source source = { .ctx = &input, .next = next_bytes };
		struct tar_reader *r = tar_reader_new(&source);
		struct tar_entry e;
		assert_int_equal(tar_reader_next(r, &e, &err), 1);
		assert_true(e.size == size);
		tar_reader_free(r);
	}
}

/* ---- packing ---- */

/* What the shell's COMMAND makes of FD; the caller owns it. */
static char *ask(const char *command, int fd)
{
	_cleanup_free_ char *text = xasprintf("%s < /proc/%d/fd/%d", command, (int)getpid(), fd);
	const char *argv[] = { "/bin/bash", "-o", "pipefail", "-c", text, NULL };
	const struct process_request req = { .argv = argv, .max_output = 65536, .timeout_ms = 60000 };
	_cleanup_error_ struct error err = ERROR_INIT;
	char *output = NULL;
	assert_int_equal(process_capture(&req, &output, NULL, &err), 0);
	return output;
}

/* LEN bytes that compress a little, a function of their place. */
static uint8_t *make_data(size_t len)
{
	uint8_t *data = xmalloc(len + 1);
	uint32_t x = 1;
	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		data[i] = (uint8_t)(i % 1000 < 700 ? x >> 28 : x >> 24);
	}
	return data;
}

static int pack(const uint8_t *data, size_t len, enum layer_compression c, unsigned threads, size_t piece,
	struct layer_packed *packed)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	int fd = memfd_create("layer", 0);
	struct layer_pack *p = layer_pack_new(fd, c, threads);
	for (size_t done = 0, n; done < len; done += n) {
		n = MIN(piece, len - done);
		assert_int_equal(layer_pack_write(p, data + done, n, &err), 0);
	}
	assert_int_equal(layer_pack_finish(p, packed, &err), 0);
	layer_pack_free(p);
	return fd;
}

static void check_packed(
	const uint8_t *data, size_t len, enum layer_compression c, const struct layer_packed *want, int fd)
{
	static const char *const unpack[] = { "cat", "gzip -dc", "zstd -dcq" };
	char hex[SHA256_HEX_SIZE];
	sha256_hex_of(data, len, hex);
	assert_string_equal(want->diff_id + 7, hex);
	assert_int_equal(want->tar_bytes, len);
	assert_int_equal(want->bytes, lseek(fd, 0, SEEK_END));
	_cleanup_free_ char *stored = ask("sha256sum", fd);
	assert_memory_equal(stored, want->digest + 7, 64);
	_cleanup_free_ char *pipe = xasprintf("f() { %s | sha256sum; }; f", unpack[c]);
	_cleanup_free_ char *back = ask(pipe, fd);
	assert_memory_equal(back, hex, 64);
}

static void packed_bytes_depend_on_the_tar_alone(void **state)
{
	(void)state;
	static const size_t sizes[] = { 0, 1, 511, (512 << 10) - 1, 512 << 10, (512 << 10) + 1, 2 << 20,
		9000001 };
	uint8_t *data = make_data(sizes[ARRAY_SIZE(sizes) - 1]);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (enum layer_compression c = LAYER_PLAIN; c <= LAYER_ZSTD; c++) {
			struct layer_packed one, other;
			int fd = pack(data, sizes[i], c, 1, 1u << 20, &one);
			check_packed(data, sizes[i], c, &one, fd);
			close(fd);
			close(pack(data, sizes[i], c, 7, 70001, &other));
			assert_memory_equal(&one, &other, sizeof(one));
		}
	}
	free(data);
}

/* A full disk is one error, and all threads end. */
static void a_full_disk_is_an_error(void **state)
{
	(void)state;
	const size_t len = 20 << 20;
	uint8_t *data = make_data(len);
	for (enum layer_compression c = LAYER_PLAIN; c <= LAYER_ZSTD; c++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		struct layer_packed packed;
		_cleanup_close_ int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
		struct layer_pack *p = layer_pack_new(fd, c, 3);
		int r = layer_pack_write(p, data, len, &err);
		if (r == 0)
			r = layer_pack_finish(p, &packed, &err);
		layer_pack_free(p);
		assert_int_equal(r, -1);
		assert_int_equal(err.code, ENOSPC);
	}
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_every_length_come_back),
		cmocka_unit_test(odd_members_come_back),
		cmocka_unit_test(wrong_sizes_are_refused),
		cmocka_unit_test(huge_sizes_are_said),
		cmocka_unit_test(packed_bytes_depend_on_the_tar_alone),
		cmocka_unit_test(a_full_disk_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
