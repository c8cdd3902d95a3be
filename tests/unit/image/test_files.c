#include "../unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/process.h"
#include "image/files.h"

static void paths_are_cleaned(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{ "", "/" },
		{ "/", "/" },
		{ "a", "/a" },
		{ "/a//b/./c/", "/a/b/c" },
		{ "/a/../b", "/b" },
		{ "/../../x", "/x" },
		{ "..", "/" },
		{ "/a/b/../..", "/" },
		{ "/...", "/..." },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *got = image_clean_path(rows[i][0]);
		assert_string_equal(got, rows[i][1]);
	}
}

/* Run the rc text of IMAGE with ARG as its only argument (NULL: none); the caller owns the output. */
static char *run_rc(const struct source_image *image, const char *arg)
{
	_cleanup_buffer_ struct buffer rc = BUFFER_INIT;
	image_format_rc(image, "amd64", &rc);
	const char *argv[] = { "/bin/sh", "-c", rc.data, "sh", arg, NULL };
	struct process_request req = { .argv = argv, .max_output = 65536, .timeout_ms = 20000 };
	_cleanup_error_ struct error err = ERROR_INIT;
	char *output;
	assert_int_equal(process_capture(&req, &output, NULL, &err), 0);
	return output;
}

static struct source_image hostile_image(void)
{
	struct source_image image = { .provenance = "docker://r#i:t\necho forged",
		.manifest_digest = "sha256:0" };
	strv_push(&image.config.entrypoint, "/usr/bin/printf");
	strv_push(&image.config.entrypoint, "<%s>");
	image.config.working_dir = "/tmp";
	return image;
}

/* Every word survives the shell exactly; nothing in it runs. */
static void words_are_quoted_exactly(void **state)
{
	(void)state;
	static const char *const words[] = {
		"plain",
		"",
		" a  b ",
		"it's",
		"\"q\"",
		"$(echo no)",
		"`echo no`",
		"$HOME",
		"a\nb",
		"\\n\\",
		"*",
		"''",
		"!x",
		"-e",
		"\t\r",
	};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		struct source_image image = hostile_image();
		strv_push(&image.config.cmd, words[i]);
		_cleanup_free_ char *want = xasprintf("<%s>", words[i]);
		_cleanup_free_ char *by_default = run_rc(&image, NULL);
		assert_string_equal(by_default, want);
		_cleanup_free_ char *by_argument = run_rc(&image, words[i]);
		assert_string_equal(by_argument, want);
		strv_cleanup(&image.config.cmd);
		strv_cleanup(&image.config.entrypoint);
	}
}

static void comments_stay_comments(void **state)
{
	(void)state;
	struct source_image image = hostile_image();
	struct source_label label = { "k\necho no", "v\n\necho no" };
	image.config.labels = &label;
	image.config.label_count = 1;
	_cleanup_free_ char *output = run_rc(&image, "x");
	assert_string_equal(output, "<x>");
	strv_cleanup(&image.config.entrypoint);
}

static char scratch[] = "/tmp/test-image-XXXXXX";

static int make_scratch(void **state)
{
	(void)state;
	return mkdtemp(scratch) != NULL ? 0 : -1;
}

static int remove_scratch(void **state)
{
	(void)state;
	const char *argv[] = { "rm", "-rf", "--", scratch, NULL };
	struct process_request req = { .argv = argv, .max_output = 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_free_ char *output = NULL;
	return process_capture(&req, &output, NULL, &err);
}

static void a_hostile_working_directory_runs_nothing(void **state)
{
	(void)state;
	static const char *const names[] = { "$(touch no)", "'; touch no; '", "`touch no`" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct source_image image = hostile_image();
		_cleanup_free_ char *dir = xasprintf("%s/%s", scratch, names[i]);
		image.config.working_dir = dir;
		assert_int_equal(chdir(scratch), 0);
		_cleanup_free_ char *output = run_rc(&image, "x");
		assert_string_equal(output, "<x>");
		assert_int_equal(access(dir, F_OK), 0);
		assert_int_not_equal(access("no", F_OK), 0);
		strv_cleanup(&image.config.entrypoint);
	}
	assert_int_equal(chdir("/"), 0);
}

static void environment_is_literal_and_cannot_forge_the_end(void **state)
{
	(void)state;
	struct image_config config = { 0 };
	static const char *const entries[] = { "A=${HOME}", "B='x' ", "# enroot-literal-end", "C=x\nD=y",
		"=z", "E=" };
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
		strv_push(&config.env, entries[i]);
	_cleanup_buffer_ struct buffer out = BUFFER_INIT;
	image_format_environment(&config, &out);
	assert_string_equal(
		out.data, "# enroot-literal-begin\nA=${HOME}\nB='x' \nE=\n# enroot-literal-end\n");
	strv_cleanup(&config.env);
}

static void volumes_are_escaped_and_normalised(void **state)
{
	(void)state;
	struct image_config config = { 0 };
	static const char *const volumes[] = { "/data", "/a b/${X}/../\\c", "relative", "/", "/x\ny" };
	for (size_t i = 0; i < ARRAY_SIZE(volumes); i++)
		strv_push(&config.volumes, volumes[i]);
	_cleanup_buffer_ struct buffer out = BUFFER_INIT;
	image_format_fstab(&config, &out);
	assert_string_equal(out.data,
		"${ENROOT_ROOTFS}/data /data none x-create=dir,bind,rw,nosuid,nodev\n"
		"${ENROOT_ROOTFS}/a\\040b/\\134c /a\\040b/\\134c none x-create=dir,bind,rw,nosuid,nodev\n"
		"${ENROOT_ROOTFS}/x\\012y /x\\012y none x-create=dir,bind,rw,nosuid,nodev\n");
	strv_cleanup(&config.volumes);
}

static void no_command_means_a_shell(void **state)
{
	(void)state;
	struct source_image image = { .provenance = "p", .manifest_digest = "sha256:0" };
	_cleanup_buffer_ struct buffer rc = BUFFER_INIT;
	image_format_rc(&image, "amd64 -comp zstd", &rc);
	assert_non_null(strstr(rc.data, "    exec '/bin/sh'\nfi\n"));
	assert_non_null(strstr(rc.data, "    exec \"$@\"\nelse\n"));
	assert_int_equal(strncmp(rc.data, "# enroot-provenance: p\n# enroot-manifest: sha256:0\n", 50), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_cleaned),
		cmocka_unit_test(words_are_quoted_exactly),
		cmocka_unit_test(comments_stay_comments),
		cmocka_unit_test(a_hostile_working_directory_runs_nothing),
		cmocka_unit_test(environment_is_literal_and_cannot_forge_the_end),
		cmocka_unit_test(volumes_are_escaped_and_normalised),
		cmocka_unit_test(no_command_means_a_shell),
	};
	return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
