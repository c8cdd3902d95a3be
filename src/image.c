/*
 * enroot-image - the program that fetches and builds images
 *
 * `enroot import …` and its kind become this program by one exec: what they link (libcurl above all) would cost
 * every start several times the rest of its work.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/paths.h"
#include "cmd/cmd.h"
#include "cmd/login.h"

static const struct {
	const char *name;
	int (*run)(struct settings *settings, int argc, char *argv[]);
} commands[] = {
	{ "bundle", cmd_bundle },
	{ "cache", cmd_cache },
	{ "digest", cmd_digest },
	{ "doctor", cmd_doctor },
	{ "export", cmd_export },
	{ "import", cmd_import },
	{ "load", cmd_load },
	{ "login", cmd_login },
	{ "logout", cmd_logout },
	{ "push", cmd_push },
	{ "pyxis-importer", cmd_pyxis_importer },
	{ "start-uri", cmd_start_uri },
};

static int run_command(unsigned i, int argc, char *argv[])
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct settings *settings;
	if (settings_load(&settings, &err) < 0) {
		log_failure(&err);
		return 1;
	}
	settings_make_directories(settings);
	interrupt_install();
	int status = commands[i].run(settings, argc, argv);
	settings_free(settings);
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

/* The one command that has a program name of its own, since pyxis calls it. */
static bool is_importer(const char *program)
{
	return program != NULL && strcmp(path_last(program), "enroot-pyxis-importer") == 0;
}

int main(int argc, char *argv[])
{
	fd_ensure_standard();
	int shift = is_importer(argv[0]) ? 0 : 1;
	const char *name = shift == 0 ? "pyxis-importer" : argc > 1 ? argv[1] : NULL;
	for (unsigned i = 0; name != NULL && i < ARRAY_SIZE(commands); i++) {
		if (strcmp(name, commands[i].name) != 0)
			continue;
		int status = finish(run_command(i, argc - shift, argv + shift));
		if (status != 0) /* what was asked for may be done although the signal came */
			interrupt_reraise();
		return status;
	}
	fputs("Usage: enroot-image COMMAND [options] ...\n"
	      "\n"
	      "This program is run by enroot: use `enroot import` and so on.\n",
		stdout);
	return 1;
}
