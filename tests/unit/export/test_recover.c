/* What import writes into /etc comes back as the configuration that it was made from. */
#include "../unit.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "export/recover.h"
#include "image/files.h"
#include "source/config.h"

static void add_all(struct strv *list, const char *const *words)
{
	for (; *words != NULL; words++)
		strv_push(list, *words);
}

static void same_list(const struct strv *got, const struct strv *want)
{
	assert_int_equal(got->count, want->count);
	for (size_t i = 0; i < want->count; i++)
		assert_string_equal(got->items[i], want->items[i]);
}

static void recover_text(enum recover_file file, const char *text, struct recovered *r)
{
	struct recover_input input = { 0 };
	input.texts[file] = text;
	recover_config(&input, r);
}

/* There and back. */
static void check_image(struct source_image *image)
{
	_cleanup_buffer_ struct buffer rc = BUFFER_INIT, local = BUFFER_INIT;
	_cleanup_buffer_ struct buffer environment = BUFFER_INIT, fstab = BUFFER_INIT;
	image->provenance = "docker://r#i:t";
	image->manifest_digest = "sha256:0";
	image_format_rc(image, "arm64 -comp zstd", &rc);
	image_format_rc_local(&local);
	image_format_environment(&image->config, &environment);
	image_format_fstab(&image->config, &fstab);
	const struct recover_input input = { .texts = { rc.data, local.data, environment.data,
						     fstab.data != NULL ? fstab.data : "" } };
	struct recovered r;
	recover_config(&input, &r);
	const struct image_config *want = &image->config;
	same_list(&r.config.entrypoint, &want->entrypoint);
	if (want->entrypoint.count + want->cmd.count != 0)
		same_list(&r.config.cmd, &want->cmd);
	same_list(&r.config.env, &want->env);
	same_list(&r.config.volumes, &want->volumes);
	assert_string_equal(r.config.architecture, "arm64");
	if (want->working_dir == NULL)
		assert_null(r.config.working_dir);
	else
		assert_string_equal(r.config.working_dir, want->working_dir);
	assert_int_equal(r.config.label_count, want->label_count);
	for (size_t i = 0; i < want->label_count; i++) {
		assert_string_equal(r.config.labels[i].key, want->labels[i].key);
		assert_string_equal(r.config.labels[i].value, want->labels[i].value);
	}
	for (unsigned i = 0; i < RECOVER_FILE_COUNT; i++)
		assert_true(r.is_redundant[i]);
	recovered_cleanup(&r);
	image->config.label_count = 0;
	image->config.labels = NULL;
	image_config_cleanup(&image->config);
}

static const char *const odd_words[] = { "plain", "", " ", "a b", "'", "''", "\"", "\\", "$HOME", "`id`",
	"$(id)", "\n", "a\nb'\n'c", "$@", "\"$@\"", "else", "fi", "exec", "then", ";", "#", "# no comment",
	"*", "{a,b}", "~", "\xff\xfe", "-n", "2>", "&&", NULL };

static void odd_words_come_back(void **state)
{
	(void)state;
	for (size_t i = 0; odd_words[i] != NULL; i++) {
		for (unsigned where = 1; where < 4; where++) {
			struct source_image image = { 0 };
			if (where & 1) {
				strv_push(&image.config.entrypoint, "/bin/x");
				strv_push(&image.config.entrypoint, odd_words[i]);
			}
			if (where & 2)
				strv_push(&image.config.cmd, odd_words[i]);
			check_image(&image);
		}
	}
	struct source_image all = { 0 };
	add_all(&all.config.entrypoint, odd_words);
	add_all(&all.config.cmd, odd_words);
	check_image(&all);
}

static void whole_configurations_come_back(void **state)
{
	(void)state;
	static const char *const env[] = { "PATH=/bin", "A=b c", "B=${HOME}", "C=", "D='quoted'", "E=\"x\"",
		"_odd.key-1=x", "ENROOT_X=1", "F= blank ", NULL };
	static const char *const volumes[] = { "/da ta", "/data", "/d$x\\y", "/\xc3\xa4", NULL };
	struct source_label labels[] = { { "org.example.a", "b  c" }, { "x", "" }, { "y", "# z" } };
	struct source_image image = { 0 };
	check_image(&image);
	add_all(&image.config.env, env);
	add_all(&image.config.volumes, volumes);
	image.config.labels = labels;
	image.config.label_count = ARRAY_SIZE(labels);
	image.config.working_dir = xstrdup("/srv/it's $a\ndir");
	check_image(&image);
}

/* As the established tool writes it. */
static void other_ways_to_write_it_are_understood(void **state)
{
	(void)state;
	static const char *const endings[] = { "cd \"/work dir\" && unset OLDPWD || exit 1",
		"cd \"/work dir\" || exit 1" };
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		_cleanup_free_ char *rc =
			xasprintf("# maintainer Some Body\n\nmkdir -p \"/work dir\" 2> /dev/null\n%s\n\n"
				  "if [ -s /etc/rc.local ]; then\n    . /etc/rc.local\nfi\n\n"
				  "if [ $# -gt 0 ]; then\n    exec '/entry' 'a b' \"$@\"\nelse\n"
				  "    exec '/entry' 'a b' 'cmd'\nfi\n",
				endings[i]);
		struct recovered r;
		recover_text(RECOVER_RC, rc, &r);
		assert_true(r.is_redundant[RECOVER_RC]);
		assert_string_equal(r.config.working_dir, "/work dir");
		assert_int_equal(r.config.entrypoint.count, 2);
		assert_int_equal(r.config.cmd.count, 1);
		assert_string_equal(r.config.cmd.items[0], "cmd");
		assert_string_equal(r.config.labels[0].value, "Some Body");
		recovered_cleanup(&r);
	}
}

static void scripts_of_others_are_not_guessed_at(void **state)
{
	(void)state;
	static const char good[] = "mkdir -p '/w' 2> /dev/null\ncd '/w' || exit 1\nunset OLDPWD\n"
				   "if [ -s /etc/rc.local ]; then\n. /etc/rc.local\nfi\n"
				   "if [ $# -gt 0 ]; then\nexec '/e' \"$@\"\nelse\nexec '/e' 'c'\nfi\n";
	static const char *const edits[][2] = {
		{ "'/w' ||", "$W ||" },
		{ "'/w' ||", "\"$W\" ||" },
		{ "exec '/e' 'c'", "exec '/other' 'c'" },
		{ "exec '/e' 'c'", "exec $(e) 'c'" },
		{ "exec '/e' 'c'", "exec '/e' `c`" },
		{ "exec '/e' 'c'", "exec '/e' 'c" },
		{ "exec '/e' 'c'", "exec '/e' x* 'c'" },
		{ "exec '/e' \"$@\"", "exec '/e' \"$@\"x" },
		{ "exec '/e' \"$@\"", "export A=1; exec '/e' \"$@\"" },
		{ "unset OLDPWD", "unset OLDPWD\nulimit -l unlimited" },
		{ "fi\nif", "if" },
	};
	struct recovered r;
	recover_text(RECOVER_RC, good, &r);
	assert_true(r.is_redundant[RECOVER_RC]);
	recovered_cleanup(&r);
	for (size_t i = 0; i < ARRAY_SIZE(edits); i++) {
		const char *at = strstr(good, edits[i][0]);
		assert_non_null(at);
		_cleanup_free_ char *rc =
			xasprintf("%.*s%s%s", (int)(at - good), good, edits[i][1], at + strlen(edits[i][0]));
		recover_text(RECOVER_RC, rc, &r);
		assert_false(r.is_redundant[RECOVER_RC]);
		assert_true(r.has_own_script);
		assert_int_equal(r.config.entrypoint.count + r.config.cmd.count, 0);
		assert_null(r.config.working_dir);
		recovered_cleanup(&r);
	}
}

static void lines_of_the_user(void **state)
{
	(void)state;
	struct recovered r;
	recover_text(RECOVER_ENVIRONMENT,
		"# enroot-literal-begin\nA=1\nQ='x'\n# enroot-literal-end\n  B=\"two words\"  "
		"\nnonsense\nA=2\n#C=3\nENROOT_D=4\n",
		&r);
	assert_true(r.is_redundant[RECOVER_ENVIRONMENT]);
	assert_int_equal(r.config.env.count, 3);
	assert_string_equal(r.config.env.items[0], "A=2");
	assert_string_equal(r.config.env.items[1], "Q='x'");
	assert_string_equal(r.config.env.items[2], "B=two words");
	recovered_cleanup(&r);
	recover_text(RECOVER_ENVIRONMENT, "DISPLAY=${DISPLAY}\nA=$B\n", &r);
	assert_false(r.is_redundant[RECOVER_ENVIRONMENT]);
	assert_int_equal(r.config.env.count, 1);
	recovered_cleanup(&r);
	recover_text(RECOVER_RC_LOCAL, "# nothing\n\nexec \"$@\"\n", &r);
	assert_false(r.is_redundant[RECOVER_RC_LOCAL]);
	recovered_cleanup(&r);
	recover_text(RECOVER_FSTAB,
		"# mine\n${ENROOT_ROOTFS}/v /v none x-create=dir,bind,rw,nosuid,nodev\n/data /data none "
		"rbind\n",
		&r);
	assert_false(r.is_redundant[RECOVER_FSTAB]);
	assert_int_equal(r.config.volumes.count, 1);
	assert_string_equal(r.config.volumes.items[0], "/v");
	recovered_cleanup(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(odd_words_come_back),
		cmocka_unit_test(whole_configurations_come_back),
		cmocka_unit_test(other_ways_to_write_it_are_understood),
		cmocka_unit_test(scripts_of_others_are_not_guessed_at),
		cmocka_unit_test(lines_of_the_user),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
