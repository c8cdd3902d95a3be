/*
 * Images without a shell: what the shell would have done
 *
 * Many images hold one program and its libraries, and no sh. The script that import wrote for them says what to run,
 * in a form that can be read without one.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "rootfs/entry_script.h"
#include "rootfs/resolve.h"
#include "sandbox/exec.h"
#include "sandbox/rootfile.h"
#include "start/state.h"

#define LOCAL_SCRIPT "/etc/rc.local"

bool start_lacks_shell(const char *shell)
{
	return access(shell, X_OK) < 0 && errno == ENOENT;
}

static int fail_without_shell(const char *shell, const char *hint, struct error *err)
{
	error_set(err, ENOENT, "failed to execute: %s: %s", shell, strerror(ENOENT));
	return error_hint(err, "%s", hint);
}

static int enter_directory(struct start *s, const char *dir, struct error *err)
{
	_cleanup_error_ struct error ignored = ERROR_INIT;
	_cleanup_close_ int made = resolve_mkdirs(s->root, dir, 0755, &ignored);
	if (chdir(dir) < 0)
		return error_errno(err, "cannot enter the working directory of the image: %s", dir);
	return 0;
}

static void push_words(struct strv *argv, char *const *words)
{
	for (; words != NULL && *words != NULL; words++)
		strv_push(argv, *words);
}

static int apply_script(
	struct start *s, const struct entry_script *script, struct strv *argv, struct error *err)
{
	_cleanup_free_ char *local = rootfile_read_optional(s->root, LOCAL_SCRIPT);
	if (enter_directory(s, script->working_dir, err) < 0)
		return -1;
	if (local != NULL && !entry_script_is_blank(local))
		log_warn("the image has no shell for its " LOCAL_SCRIPT);
	push_words(argv, script->entrypoint.items);
	push_words(argv, s->req->command[0] != NULL ? s->req->command : script->cmd.items);
	return 0;
}

/* What is to be run: by the image's own script, or the command itself. */
static int find_command(struct start *s, const char *shell, struct strv *argv, struct error *err)
{
	_cleanup_free_ char *text = rootfile_read_optional(s->root, EXEC_IMAGE_SCRIPT);
	struct entry_script script __attribute__((cleanup(entry_script_cleanup))) = { 0 };
	if (s->script >= 0)
		return fail_without_shell(shell, "the image has no shell that could run a script", err);
	if (text != NULL && !entry_script_parse(text, &script))
		return fail_without_shell(shell, "the image has no shell for its " EXEC_IMAGE_SCRIPT, err);
	if (text != NULL && apply_script(s, &script, argv, err) < 0)
		return -1;
	if (text == NULL)
		push_words(argv, s->req->command);
	if (argv->count == 0)
		return fail_without_shell(shell, "the image has no shell: name the program to run", err);
	return 0;
}

int start_exec_directly(struct start *s, const char *shell, struct error *err)
{
	static char *nothing[] = { NULL };
	_cleanup_strv_ struct strv argv = STRV_INIT;
	error_clear(err);
	if (find_command(s, shell, &argv, err) < 0)
		return -1;
	environ = s->env.items != NULL ? s->env.items : nothing; /* execvp(3) looks in the container's PATH */
	execvp(argv.items[0], argv.items);
	error_errno(err, "failed to execute: %s", argv.items[0]);
	return error_hint(err, "the image has no shell: name a program that it has");
}
