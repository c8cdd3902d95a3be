/*
 * enroot - the program that runs containers, and everything else that needs no network
 *
 * The commands that fetch or write images are another program (see src/image.c), which this one becomes by one exec:
 * what they link would cost every start several times the rest of its work. By other names this program is the
 * helpers that hooks call.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "bundle/marker.h"
#include "cmd/bundle-run.h"
#include "cmd/cmd.h"
#include "cmd/help.h"
#include "cmd/helpers.h"
#include "cmd/image-program.h"
#include "config/user.h"

static const struct command {
	const char *name;
	int (*run)(struct settings *settings, int argc, char *argv[]); /* NULL: enroot-image does it */
	bool unwinds; /* cleans up on SIGINT and SIGTERM before it dies by them */
} commands[] = {
	{ "batch", cmd_batch, false },
	{ "bundle", NULL, false },
	{ "cache", NULL, false },
	{ "create", cmd_create, true },
	{ "digest", NULL, false },
	{ "doctor", cmd_doctor, false },
	{ "exec", cmd_exec, false },
	{ "export", NULL, false },
	{ "import", NULL, false },
	{ "info", cmd_info, false },
	{ "list", cmd_list, false },
	{ "load", NULL, false },
	{ "login", NULL, false },
	{ "logout", NULL, false },
	{ "push", NULL, false },
	{ "remove", cmd_remove, true },
	{ "start", cmd_start, false },
	{ "stop", cmd_stop, false },
	{ "version", cmd_version, false },
};

/* By another name this program is a helper. */
static const struct {
	const char *name;
	int (*run)(int argc, char *argv[]);
} helpers[] = {
	{ "enroot-mount", helper_mount },
	{ "enroot-nsenter", helper_nsenter },
	{ "enroot-switchroot", helper_switchroot },
};

/* What other packages of the tool install as programs of their own, and who does that work now. */
static const struct {
	const char *name, *instead;
} stubs[] = {
	{ "enroot-aufs2ovlfs", "enroot import" },
	{ "enroot-mksquashovlfs", "enroot import" },
	{ "enroot-makeself", "enroot bundle" },
};

static int become_image_program(char *argv[])
{
	_cleanup_free_ char *program = image_program();
	argv[0] = program;
	execv(program, argv);
	log_error("cannot run %s: %s", program, strerror(errno));
	return 1;
}

static int run_command(const struct command *command, int argc, char *argv[])
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct settings *settings;
	if (settings_load(&settings, &err) < 0) {
		log_failure(&err);
		return 1;
	}
	settings_make_directories(settings);
	user_keep_answers(settings_get(settings, SETTING_RUNTIME_PATH));
	if (command->unwinds)
		interrupt_install();
	int status = command->run(settings, argc, argv);
	settings_free(settings);
	if (command->unwinds && status != 0) /* what was asked for may be done although the signal came */
		interrupt_reraise();
	return status;
}

/* Results go to a pipe or a file as well: one that was cut short is a failure. */
static int finish(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	log_error("cannot write to the standard output: %s", strerror(errno));
	return status != 0 ? status : 1;
}

static int usage(int status)
{
	fputs(help_text, stdout);
	return status;
}

static int dispatch(int argc, char *argv[])
{
	static const char *const help_words[] = { "help", "-h", "--help" };
	if (argc < 2)
		return usage(1);
	for (unsigned i = 0; i < ARRAY_SIZE(help_words); i++) {
		if (str_eq(argv[1], help_words[i]))
			return usage(0);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!str_eq(argv[1], commands[i].name))
			continue;
		return commands[i].run != NULL ? run_command(&commands[i], argc - 1, argv + 1)
					       : become_image_program(argv);
	}
	(void)usage(1);
	fflush(stdout);
	log_error("Invalid argument: %s", argv[1]);
	return 1;
}

int main(int argc, char *argv[])
{
	fd_ensure_standard();
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	const char *name = slash != NULL ? slash + 1 : argc > 0 ? argv[0] : "enroot";
	for (unsigned i = 0; i < ARRAY_SIZE(helpers); i++) {
		if (str_eq(name, helpers[i].name))
			return finish(helpers[i].run(argc, argv));
	}
	if (bundle_is_this_program())
		return finish(bundle_main(argc, argv));
	for (unsigned i = 0; i < ARRAY_SIZE(stubs); i++) {
		if (str_eq(name, stubs[i].name)) {
			log_error("%s is no longer a program of its own: use \"%s\"", name, stubs[i].instead);
			return 1;
		}
	}
	return finish(dispatch(argc, argv));
}
