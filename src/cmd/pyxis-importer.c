/*
 * enroot-pyxis-importer - where Slurm's container plugin pyxis gets its images (its setting importer=PROGRAM)
 *
 * "get URI" prints the path of a squashfs file, which must stay as it is until "release": here one of the image cache,
 * built once for all jobs and nodes. Nothing has to be released: a file of the cache is never changed, and what keeps
 * `enroot cache prune` away from it is the time of its last use, which get brings forward only where the file system
 * does not do it by itself. So a job that is killed leaves nothing behind, and a hit takes no lock and writes nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/interrupt.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/str.h"
#include "cmd/cached-request.h"
#include "cmd/cmd.h"
#include "cmd/usage.h"

#define SECONDS_PER_DAY 86400

static const char usage[] =
	"Usage: enroot-pyxis-importer get [--] URI\n"
	"       enroot-pyxis-importer release\n"
	"\n"
	"Serve images to Slurm's plugin pyxis: importer=/usr/bin/enroot-pyxis-importer in plugstack.conf.\n"
	"\n"
	"   get      Print the path of the image as a squashfs file of the cache, fetched and built if it is "
	"not there\n"
	"   release  The job needs it no more: nothing to do\n"
	"\n" USAGE_SOURCES "\n"
	" Options:\n"
	"   -h, --help  Show this text\n";

/*
 * What a job is going to use must not be what a prune takes while it runs. Once a day is what file systems that keep times
 * of access do themselves (mount(8), "relatime").
 */
static void keep(int fd)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_NOW }, { .tv_nsec = UTIME_OMIT } };
	struct stat st;
	if (fstat(fd, &st) == 0 && MAX(st.st_atim.tv_sec, st.st_mtim.tv_sec) < time(NULL) - SECONDS_PER_DAY)
		(void)futimens(fd, times); /* another's file: that it is read has to do */
}

/* The image's descriptor; *PATH: its path as it was found. The caller owns both. */
static int open_image(const struct settings *s, const char *uri, char **path, struct error *err)
{
	/* With a digest in it there is nothing to ask a registry. */
	int fd = cached_uri_is_fixed(uri) ? cached_find(s, uri, path) : -1;
	if (fd >= 0)
		return fd;
	return cached_build(s, uri, path, err);
}

static int get(const struct settings *s, const char *uri, struct error *err)
{
	_cleanup_free_ char *found = NULL;
	_cleanup_close_ int fd = open_image(s, uri, &found, err);
	if (fd < 0 || interrupt_check(err) < 0)
		return -1;
	keep(fd);
	_cleanup_free_ char *path = realpath(found, NULL);
	if (path == NULL)
		return error_errno(err, "cannot find %s again", found);
	if (strchr(path, '\n') != NULL) /* pyxis reads one line */
		return error_set(err, EINVAL, "Invalid argument: %s", path);
	printf("%s\n", path);
	return 0;
}

int cmd_pyxis_importer(struct settings *settings, int argc, char *argv[])
{
	_cleanup_error_ struct error err = ERROR_INIT;
	int first;
	if (argc == 2 && str_eq(argv[1], "release"))
		return 0;
	bool is_get = argc > 1 && str_eq(argv[1], "get");
	int status = options_parse_or_usage(is_get ? argc - 1 : argc, is_get ? argv + 1 : argv, NULL, 0,
		usage, 1, is_get ? 1 : 0, &first);
	if (status >= 0)
		return status;
	if (get(settings, argv[1 + first], &err) == 0)
		return 0;
	log_failure(&err);
	return 1;
}
