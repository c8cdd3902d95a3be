#include "../unit.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"
#include "config/value.h"

/* WANT NULL: void; "!": invalid. */
static const struct {
	const char *text, *want;
} rows[] = {
	{ "/plain/path", "/plain/path" },
	{ "-comp lzo -noD", "-comp lzo -noD" },
	{ "  a \t  b  ", "a b" },
	{ "\"a   b\"", "a   b" },
	{ "'$SET  x'", "$SET  x" },
	{ "a\"b c\"'d e'f", "ab cd ef" },
	{ "\"\"", "" },
	{ "a \"\" b", "a  b" },
	{ "a # comment", "a" },
	{ "a#b", "a#b" },
	{ "# all comment", "" },
	{ "\"a # b\"", "a # b" },
	{ "a\\ b", "a b" },
	{ "\"a\\\"b\\$c\\x\"", "a\"b$c\\x" },
	{ "$SET/x", "value/x" },
	{ "${SET}/x", "value/x" },
	{ "${UNSET}/x", NULL },
	{ "$UNSET/x", NULL },
	{ "\"$UNSET\"", NULL },
	{ "${UNSET:-y}/x", "y/x" },
	{ "${UNSET-y}/x", "y/x" },
	{ "${EMPTY:-y}/x", "y/x" },
	{ "${EMPTY-y}/x", "/x" },
	{ "${SET:-y}", "value" },
	{ "${UNSET:-}", "" },
	{ "${UNSET:-${SET}}/z", "value/z" },
	{ "${UNSET:-~/.cache}/z", "/home/me/.cache/z" },
	{ "${UNSET:-\"a}b\"}", "a}b" },
	{ "\"${UNSET:-a  b}\"", "a  b" },
	{ "${UNSET:-a  b}", "a b" },
	{ "$BLANKS", "a b" },
	{ "\"$BLANKS\"", " a  b " },
	{ "~", "/home/me" },
	{ "~/x", "/home/me/x" },
	{ "a~", "a~" },
	{ "a ~/x", "a /home/me/x" },
	{ "\"~\"", "~" },
	{ "$", "$" },
	{ "a$ b", "a$ b" },
	{ "$EARLIER", "of the file" },
	{ "$BOTH", "of the environment" },
	{ "\"abc", "!" },
	{ "'abc", "!" },
	{ "${SET", "!" },
	/* From here on a shell is asked. */
	{ "$(echo a b)", "a b" },
	{ "`echo x`", "x" },
	{ "${SET%ue}", "val" },
	{ "${UNSET%ue}", NULL },
	{ "$(echo $EARLIER)", "of the file" },
	{ "$(( 1 + 2 ))", "3" },
	{ "a\\;b", "a;b" },
	{ "x | tr x y", "y" },
	{ "/nonexistent-*", "/nonexistent-*" },
	{ "/dev/nul[l]", "/dev/null" },
	{ "$(echo 'a\\nb') # c", "a\\nb" },
	{ "$(", NULL },
};

static void texts_become_what_echo_prints(void **state)
{
	(void)state;
	_cleanup_strv_ struct strv assigned = STRV_INIT;
	strv_env_set(&assigned, "EARLIER", "of the file");
	strv_env_set(&assigned, "BOTH", "of the file");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *value = NULL;
		enum value_result r = value_expand(rows[i].text, &assigned, &value);
		const char *got = r == VALUE_OK ? value : r == VALUE_INVALID ? "!" : NULL;
		if ((got == NULL) != (rows[i].want == NULL) || (got != NULL && !str_eq(got, rows[i].want)))
			fail_msg("%s gave %s instead of %s", rows[i].text, got, rows[i].want);
	}
}

static void identities_need_no_shell(void **state)
{
	(void)state;
	setenv("PATH", "/nonexistent", 1); /* id and hostname are not run */
	const char *const texts[] = { "/x/$(id -u)", "/x/$(id -g)", "/x/$(id -un)", "/x/$(hostname)",
		"/x/$(whoami)", "/x/$UID", "/x/${EUID}", "/x/$HOSTNAME" };
	char host[256];
	gethostname(host, sizeof(host));
	_cleanup_free_ char *uid = xasprintf("/x/%u", getuid());
	_cleanup_free_ char *gid = xasprintf("/x/%u", getgid());
	_cleanup_free_ char *name = xasprintf("/x/%s", host);
	const char *const want[] = { uid, gid, getuid() == 0 ? "/x/root" : NULL, name,
		getuid() == 0 ? "/x/root" : NULL, uid, uid, name };
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_free_ char *value = NULL;
		assert_int_equal(value_expand(texts[i], NULL, &value), VALUE_OK);
		if (want[i] != NULL)
			assert_string_equal(value, want[i]);
	}
}

static void plain_lines_are_known(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		bool plain;
	} lines[] = {
		{ "", true },
		{ "# it's a comment (really)", true },
		{ "ENROOT_X /a/b", true },
		{ "ENROOT_X=\"a b\" # c'", true },
		{ "ENROOT_X ${XDG_RUNTIME_DIR}/enroot", true },
		{ "ENROOT_X ${TMPDIR:-/tmp}", true },
		{ "ENROOT_X ${TMPDIR:-~}", true },
		{ "ENROOT_X /run/$(id -u)", true },
		{ "ENROOT_X $(date +%s)", false },
		{ "ENROOT_X \"open", false },
		{ "ENROOT_X 'open", false },
		{ "ENROOT_X ${open", false },
		{ "ENROOT_X )", false },
		{ "fi", false },
		{ "continued \\", false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		if (value_line_is_plain(lines[i].line) != lines[i].plain)
			fail_msg("%s", lines[i].line);
	}
}

int main(void)
{
	setenv("HOME", "/home/me", 1);
	setenv("SET", "value", 1);
	setenv("EMPTY", "", 1);
	setenv("BLANKS", " a  b ", 1);
	setenv("BOTH", "of the environment", 1);
	unsetenv("UNSET");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_become_what_echo_prints),
		cmocka_unit_test(plain_lines_are_known),
		cmocka_unit_test(identities_need_no_shell),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
