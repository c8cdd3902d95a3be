/*
 * The internal command start-uri of enroot-image: PROGRAM INDEX start ARG…
 *
 * "enroot start URI" becomes this when its URI has to be resolved: the image is found in the cache or built into it, and
 * PROGRAM (enroot) runs with the same arguments but the image's path in place of argument INDEX.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/interrupt.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "cmd/cached-request.h"
#include "cmd/cmd.h"
#include "cmd/requests.h"
#include "image/cached.h"

static int resolve(const struct settings *s, const char *uri, char **path, struct error *err)
{
	struct import_request req;
	if (request_import(s, uri, NULL, &req, err) < 0)
		return -1;
	struct image_cache cache = cached_images(s);
	_cleanup_free_ char *request = cached_request(s, uri);
	return image_cached(&req, &cache, request, path, err);
}

int cmd_start_uri(struct settings *settings, int argc, char *argv[])
{
	_cleanup_error_ struct error err = ERROR_INIT;
	uint64_t index;
	if (argc < 5 || !str_parse_u64(argv[2], &index) || index == 0 || index >= (uint64_t)argc - 3) {
		log_error("this command is run by \"enroot start\"");
		return 1;
	}
	char **args = argv + 3;
	_cleanup_free_ char *path = NULL;
	if (resolve(settings, args[index], &path, &err) < 0 || interrupt_check(&err) < 0) {
		log_failure(&err);
		return 1;
	}
	args[index] = path;
	/* What was ignored here must not be in the container. */
	signal(SIGPIPE, SIG_DFL);
	_cleanup_free_ char **command = xcalloc((size_t)argc, sizeof(*command));
	command[0] = argv[1];
	for (int i = 0; args[i] != NULL; i++)
		command[i + 1] = args[i];
	execv(argv[1], command);
	log_error("cannot run %s: %s", argv[1], strerror(errno));
	return 1;
}
