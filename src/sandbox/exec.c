#include "sandbox/exec.h"

#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/paths.h"
#include "base/str.h"

#define RUN_WORDS "exec \"$@\""

void exec_build_argv(struct strv *argv, const struct exec_request *req, enum exec_word word)
{
	char *const *rest = req->command;
	const char *name = path_last(req->shell), *first = rest[0];
	strv_push_owned(argv, xasprintf("%s%s", req->login ? "-" : "", name));

	if (req->script != NULL) {
		strv_push(argv, req->script);
	} else if (first != NULL && strchr(first, ' ') != NULL) { /* a command line in one word */
		strv_push(argv, "-c");
		strv_push(argv, first);
		strv_push(argv, name);
		rest++;
	} else if (first != NULL &&
		   word == EXEC_WORD_PROGRAM) { /* PATH, 126 and 127 are the shell's business */
		strv_push(argv, "-c");
		strv_push(argv, RUN_WORDS);
		strv_push(argv, name);
	}
	for (; *rest != NULL; rest++)
		strv_push(argv, *rest);
}

const char *exec_choose_shell(const char *const candidates[], unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const char *shell = candidates[i];
		if (shell != NULL && *shell != '\0' && access(shell, R_OK | X_OK) == 0)
			return shell;
	}
	return "/bin/sh";
}

/* A file that is there but may not be executed is the shell's script. */
static enum exec_word classify_word(const char *word)
{
	if (word == NULL || access(word, R_OK | X_OK) == 0 || access(word, F_OK) < 0)
		return EXEC_WORD_PROGRAM;
	return EXEC_WORD_SCRIPT;
}

int exec_run(const struct exec_request *req, const struct strv *env, struct error *err)
{
	static char *const nothing[] = { NULL };
	_cleanup_strv_ struct strv argv = STRV_INIT;
	bool asks = req->script == NULL && req->command[0] != NULL && strchr(req->command[0], ' ') == NULL;
	exec_build_argv(&argv, req, asks ? classify_word(req->command[0]) : EXEC_WORD_PROGRAM);

	execve(req->shell, argv.items, env->items != NULL ? env->items : nothing);
	return error_errno(err, "failed to execute: %s", req->shell);
}
