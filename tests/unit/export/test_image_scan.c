/* Images put together by hand, which no container ever had. */
#include "../unit.h"

#include <errno.h>
#include <sys/mman.h>

#include "base/fd.h"
#include "export/image_scan.h"

#include "../rootfs/forge.h"

static uint32_t root_of(struct forge *f, const char *name, uint32_t inode, uint16_t type)
{
	const struct forge_entry entries[] = { { name, inode, type }, { 0 } };
	return forge_dir(f, 0755, entries);
}

static uint32_t two(
	struct forge *f, const char *one, uint32_t a, const char *other, uint32_t b, uint16_t type)
{
	const struct forge_entry entries[] = { { one, a, type }, { other, b, type }, { 0 } };
	return forge_dir(f, 0755, entries);
}

static uint32_t in_itself(struct forge *f)
{
	return root_of(f, "x", (uint32_t)f->inodes.len, SQFS_DIR); /* the root's inode comes there */
}

/* Each level has the next one twice: with N levels that is 2^N directories. */
static uint32_t doubling(struct forge *f)
{
	uint32_t dir = forge_dir(f, 0755, (const struct forge_entry[]){ { 0 } });
	for (unsigned i = 0; i < 40; i++)
		dir = two(f, "a", dir, "b", dir, SQFS_DIR);
	return dir;
}

static uint32_t name_twice(struct forge *f)
{
	return two(f, "x", forge_file(f, 0644, 1, "1"), "x", forge_file(f, 0644, 1, "2"), SQFS_FILE);
}

static uint32_t endless_file(struct forge *f)
{
	return root_of(f, "x", forge_odd_file(f, UINT64_MAX, 96, UINT32_MAX, 0, 0), SQFS_FILE);
}

static uint32_t large_file(struct forge *f)
{
	return root_of(f, "x", forge_odd_file(f, 2 << 20, 96, 0, 0, 0), SQFS_FILE);
}

static uint32_t good(struct forge *f)
{
	return two(f, "x", forge_file(f, 0644, 1, "1"), "y", forge_file(f, 0644, 1, "2"), SQFS_FILE);
}

static int take_begin(void *ctx, const struct tree *tree, uint32_t node, uint64_t size, struct error *err)
{
	return 0;
}

static int take_data(void *ctx, const void *data, size_t len, struct error *err)
{
	return 0;
}

static int take_hole(void *ctx, uint64_t len, struct error *err)
{
	return 0;
}

static int take_end(void *ctx, uint32_t *id, struct error *err)
{
	*id = 0;
	return 0;
}

static const struct {
	const char *name;
	uint32_t (*build)(struct forge *f);
	int code;
} rows[] = {
	{ "two files", good, 0 },
	{ "a directory in itself", in_itself, EUCLEAN },
	{ "directories that double", doubling, EUCLEAN },
	{ "a name twice", name_twice, EUCLEAN },
	{ "a file without end", endless_file, EUCLEAN },
	{ "a file that is larger than anybody wants", large_file, EFBIG },
};

static void scan(const char *name, uint32_t (*build)(struct forge *f), int code)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_buffer_ struct buffer image = BUFFER_INIT;
	_cleanup_close_ int fd = memfd_create("image", MFD_CLOEXEC);
	const struct image_scan_limits limits = { .max_bytes = 1 << 20, .max_inodes = 1000 };
	const struct scan_sink sink = {
		.file_begin = take_begin, .file_data = take_data, .file_hole = take_hole, .file_end = take_end
	};
	struct scan_report report;
	struct forge f = { 0 };
	forge_finish(&f, build(&f), &image);
	assert_int_equal(fd_pwrite_full(fd, image.data, image.len, 0), 0);
	const struct sqfs_image_options how = { .cache_bytes = 1 << 20 };
	struct sqfs_image *opened = sqfs_image_open(fd, name, &how, &err);
	if (opened == NULL)
		fail_msg("%s: %s", name, err.message);
	struct tree *tree = image_scan(opened, &limits, &sink, &report, &err);
	if (err.code != code || (tree != NULL) != (code == 0))
		fail_msg("%s: %d instead of %d: %s", name, err.code, code, code != 0 ? err.message : "");
	tree_free(tree);
	sqfs_image_close(opened);
}

static void images_that_no_packer_makes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		scan(rows[i].name, rows[i].build, rows[i].code);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(images_that_no_packer_makes) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
