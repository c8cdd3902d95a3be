#include "../unit.h"

#include "base/memory.h"
#include "sandbox/exec.h"

#define WORDS(...) ((char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })

static const struct {
	const char *shell;
	bool login;
	const char *script;
	char *const *command;
	enum exec_word word;
	const char *want; /* joined by "|" */
} rows[] = {
	{ "/bin/sh", true, NULL, WORDS(), EXEC_WORD_PROGRAM, "-sh" },
	{ "/bin/sh", false, NULL, WORDS(), EXEC_WORD_PROGRAM, "sh" },
	{ "/bin/bash", true, "/etc/rc", WORDS(), EXEC_WORD_PROGRAM, "-bash|/etc/rc" },
	{ "/bin/bash", true, "/etc/rc", WORDS("a b", "c"), EXEC_WORD_PROGRAM, "-bash|/etc/rc|a b|c" },
	{ "/bin/sh", true, NULL, WORDS("ls", "-l"), EXEC_WORD_PROGRAM, "-sh|-c|exec \"$@\"|sh|ls|-l" },
	{ "/bin/sh", true, NULL, WORDS("echo $0 $1", "x"), EXEC_WORD_PROGRAM, "-sh|-c|echo $0 $1|sh|x" },
	{ "/bin/sh", true, NULL, WORDS("./script", "x"), EXEC_WORD_SCRIPT, "-sh|./script|x" },
	{ "/bin/sh", true, NULL, WORDS("", "x"), EXEC_WORD_PROGRAM, "-sh|-c|exec \"$@\"|sh||x" },
	{ "sh", false, "/proc/self/fd/7", WORDS("x"), EXEC_WORD_PROGRAM, "sh|/proc/self/fd/7|x" },
};

static void test_argv(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct exec_request req = {
			.shell = rows[i].shell,
			.login = rows[i].login,
			.script = rows[i].script,
			.command = rows[i].command,
		};
		_cleanup_strv_ struct strv argv = STRV_INIT, want = STRV_INIT;
		exec_build_argv(&argv, &req, rows[i].word);
		strv_split(&want, rows[i].want, '|');
		assert_int_equal(argv.count, want.count);
		for (size_t j = 0; j < want.count; j++)
			assert_string_equal(argv.items[j], want.items[j]);
	}
}

static void test_shell(void **state)
{
	(void)state;
	assert_string_equal(exec_choose_shell((const char *[]){ NULL, "/bin/cat" }, 2), "/bin/cat");
	assert_string_equal(exec_choose_shell((const char *[]){ "/nonexistent", NULL }, 2), "/bin/sh");
	assert_string_equal(exec_choose_shell((const char *[]){ "", "/etc/passwd" }, 2), "/bin/sh");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_argv),
		cmocka_unit_test(test_shell),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
