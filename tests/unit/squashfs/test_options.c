#include "../unit.h"

#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "squashfs/options.h"

/* Parsed and formatted again: what an image is made with, spelled out. */
static const struct {
	const char *text, *want;
} good[] = {
	{ NULL, "-comp zstd -Xcompression-level 1 -b 131072" },
	{ "", "-comp zstd -Xcompression-level 1 -b 131072" },
	{ " \t ", "-comp zstd -Xcompression-level 1 -b 131072" },
	/* what the established tool ships */
	{ "-comp lzo -noD -exit-on-error", "-comp zstd -Xcompression-level 1 -b 131072 -noD" },
	{ "-comp lzo -Xcompression-level 9", "-comp zstd -Xcompression-level 1 -b 131072" },
	{ "-comp lzo -Xalgorithm lzo1x_999 -b 64K", "-comp zstd -Xcompression-level 1 -b 65536" },
	/* what other tools pass */
	{ "-comp zstd -Xcompression-level 3 -b 1M", "-comp zstd -Xcompression-level 3 -b 1048576" },
	{ "-Xcompression-level 19 -comp zstd", "-comp zstd -Xcompression-level 19 -b 131072" },
	{ "-Xcompression-level 5", "-comp zstd -Xcompression-level 5 -b 131072" },
	{ "-comp gzip", "-comp gzip -Xcompression-level 9 -b 131072" },
	{ "-comp gzip -Xcompression-level 1 -b 4096", "-comp gzip -Xcompression-level 1 -b 4096" },
	{ "-comp lz4", "-comp lz4 -b 131072" },
	{ "-comp lz4 -Xhc", "-comp lz4 -Xhc -b 131072" },
	{ "-comp xz -Xdict-size 100% -Xbcj x86", "-comp xz -b 131072" },
	{ "-comp none", "-comp none -b 131072" },
	{ "-noX -noF -noD -noI", "-comp zstd -Xcompression-level 1 -b 131072 -noI -noD -noF -noX" },
	{ "-noInodeCompression -noDataCompression -noFragmentCompression -noXattrCompression",
		"-comp zstd -Xcompression-level 1 -b 131072 -noI -noD -noF -noX" },
	{ "-no-fragments -no-duplicates -no-xattrs",
		"-comp zstd -Xcompression-level 1 -b 131072 -no-duplicates -no-fragments -no-xattrs" },
	{ "-all-time 7 -mkfs-time 4294967295",
		"-comp zstd -Xcompression-level 1 -b 131072 -mkfs-time 4294967295 -all-time 7" },
	{ "-mkfs-time 0", "-comp zstd -Xcompression-level 1 -b 131072 -mkfs-time 0" },
	/* no bytes depend on these */
	{ "-processors 3 -no-progress -quiet -noappend -mem 1G",
		"-comp zstd -Xcompression-level 1 -b 131072" },
	/* unknown: a warning only */
	{ "-always-use-fragments -frobnicate -noD", "-comp zstd -Xcompression-level 1 -b 131072 -noD" },
};

static const char *const bad[] = {
	"-comp",
	"-comp brotli",
	"-comp lzma",
	"-comp lzm",
	"-b",
	"-b 2K",
	"-b 2M",
	"-b 100000",
	"-b -4096",
	"-b 1X",
	"-Xcompression-level 0",
	"-Xcompression-level 23",
	"-Xcompression-level fast",
	"-comp gzip -Xcompression-level 10",
	"-processors 0",
	"-processors many",
	"-mkfs-time yesterday",
	"-mkfs-time 4294967296",
	"-all-time -1",
	"-all-time",
};

static void good_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct error err = ERROR_INIT;
		struct sqfs_options o = SQFS_OPTIONS_DEFAULT;
		assert_int_equal(sqfs_options_parse(good[i].text, &o, &err), 0);
		_cleanup_free_ char *text = sqfs_options_format(&o);
		assert_string_equal(text, good[i].want);
	}
}

/* What was formatted means the same again. */
static void formatted_lines_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct error err = ERROR_INIT;
		struct sqfs_options o = SQFS_OPTIONS_DEFAULT;
		assert_int_equal(sqfs_options_parse(good[i].want, &o, &err), 0);
		_cleanup_free_ char *text = sqfs_options_format(&o);
		assert_string_equal(text, good[i].want);
	}
}

static void bad_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct error err = ERROR_INIT;
		struct sqfs_options o = SQFS_OPTIONS_DEFAULT;
		assert_int_equal(sqfs_options_parse(bad[i], &o, &err), -1);
		assert_non_null(strstr(err.message, "Invalid argument"));
		error_clear(&err);
	}
}

static void fields(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	struct sqfs_options o = SQFS_OPTIONS_DEFAULT;
	assert_int_equal(sqfs_options_parse("-processors 3 -all-time 0", &o, &err), 0);
	assert_int_equal(o.processors, 3);
	assert_true(o.has_all_time);
	assert_false(o.has_mkfs_time);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_lines),
		cmocka_unit_test(formatted_lines_parse),
		cmocka_unit_test(bad_lines),
		cmocka_unit_test(fields),
	};
	log_set_quiet(true);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
