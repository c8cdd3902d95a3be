#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/options.h"
#include "cmd/cmd.h"
#include "rootfs/remove.h"
#include "store/container.h"

static const char usage[] =
	"Usage: enroot remove [options] [--] NAME...\n"
	"\n"
	"Delete one or more containers.\n"
	"\n"
	" Options:\n"
	"   -f, --force  Do not ask\n"
	"   -h, --help   Show this text\n"
	"\n"
	"Nothing is deleted across a mount; a symbolic link is removed, not what it names.\n";

enum answer { ANSWER_YES, ANSWER_NO, ANSWER_NONE };

/* The question goes to stderr, and only where somebody can read it; the answer is the first word of a line. */
static enum answer ask(const char *path)
{
	if (isatty(STDIN_FILENO)) {
		fprintf(stderr, "Do you really want to delete %s? [y/N] ", path);
		fflush(stderr);
	}
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	if (getline(&line, &size, stdin) <= 0)
		return ANSWER_NONE;
	const char *word = line + strspn(line, " \t");
	size_t len = strcspn(word, " \t\r\n");
	return len == 1 && (*word == 'y' || *word == 'Y') ? ANSWER_YES : ANSWER_NO;
}

static int delete_container(const char *data_path, const char *name, const char *path, struct error *err)
{
	_cleanup_container_scratch_ struct container_scratch scratch = CONTAINER_SCRATCH_INIT;
	if (container_scratch_begin(&scratch, data_path, remove_for_scratch, err) < 0 ||
		container_scratch_take(&scratch, name, err) < 0)
		return -1;
	if (remove_tree(scratch.dir, CONTAINER_SCRATCH_TREE, path, true, err) == 0)
		return 0;
	_cleanup_error_ struct error later = ERROR_INIT;
	if (err->code == EINTR)
		container_scratch_leave(&scratch); /* half gone: whoever comes next removes the rest */
	else
		(void)container_scratch_restore(&scratch, name, &later);
	return -1;
}

/* Returns 0, also when the answer was no; -1 with ERR (unset where input ended without an answer). */
static int remove_one(const struct settings *settings, const char *name, bool force, struct error *err)
{
	const char *data_path = settings_get(settings, SETTING_DATA_PATH);
	struct stat st;
	if (container_name_check(name, err) < 0 ||
		settings_need_directory(settings, SETTING_DATA_PATH, err) < 0)
		return -1;
	_cleanup_free_ char *path = container_path(data_path, name);
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? error_set(err, ENOENT, "No such file or directory: %s", path)
				       : error_errno(err, "cannot look at %s", path);
	if (remove_check_mounts(path, err) < 0)
		return -1;
	if (!force) {
		enum answer answer = ask(path);
		if (answer != ANSWER_YES)
			return answer == ANSWER_NO ? 0 : -1;
	}
	return delete_container(data_path, name, path, err);
}

int cmd_remove(struct settings *settings, int argc, char *argv[])
{
	bool force = false;
	const struct option_spec specs[] = { { 'f', "force", OPTION_FLAG, &force } };
	int first;
	int status = options_parse_or_usage(argc, argv, specs, ARRAY_SIZE(specs), usage, 1, -1, &first);
	if (status >= 0)
		return status;

	force |= settings_is_true(settings, SETTING_FORCE_OVERRIDE);
	for (int i = first; i < argc; i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		if (remove_one(settings, argv[i], force, &err) == 0)
			continue;
		if (error_is_set(&err))
			log_failure(&err);
		return 1;
	}
	return 0;
}
