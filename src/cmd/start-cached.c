/*
 * The internal command start-uri of enroot-image: PROGRAM INDEX CONF start ARG…
 *
 * "enroot start URI" becomes this when its URI has to be resolved: the image is found in a cache or built into the user's
 * own, and PROGRAM (enroot) runs with the same arguments and the open image: what was verified is what is started, even
 * if its name becomes another file's meanwhile. INDEX is where the URI is among the arguments, CONF a conf script or empty.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/interrupt.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "base/strv.h"
#include "cmd/cached-request.h"
#include "cmd/cmd.h"
#include "cmd/directives.h"
#include "cmd/start-uri.h"

static int resolve(struct settings *s, const char *conf, const char *uri, struct error *err)
{
	_cleanup_free_ char *real = NULL, *path = NULL;
	if (*conf != '\0' && directives_take(s, conf, &real, err) < 0)
		return -1;
	return cached_build(s, uri, &path, err);
}

/* Returns only on failure. */
static void become_start(char *program, char *args[], int image)
{
	_cleanup_free_ char *option = xasprintf("--" START_IMAGE_OPTION "=%d", image);
	_cleanup_strv_ struct strv command = STRV_INIT;
	strv_push(&command, program);
	strv_push(&command, args[0]);
	strv_push(&command, option);
	for (char **arg = args + 1; *arg != NULL; arg++)
		strv_push(&command, *arg);
	signal(SIGPIPE, SIG_DFL); /* what was ignored here must not be in the container */
	if (fcntl(image, F_SETFD, 0) == 0)
		execv(program, command.items);
	log_error("cannot run %s: %s", program, strerror(errno));
}

int cmd_start_uri(struct settings *settings, int argc, char *argv[])
{
	_cleanup_error_ struct error err = ERROR_INIT;
	uint64_t index;
	if (argc < 6 || !str_parse_u64(argv[2], &index) || index == 0 || index >= (uint64_t)argc - 4) {
		log_error("this command is run by \"enroot start\"");
		return 1;
	}
	char **args = argv + 4;
	_cleanup_close_ int image = resolve(settings, argv[3], args[index], &err);
	if (image < 0 || interrupt_check(&err) < 0)
		log_failure(&err);
	else
		become_start(argv[1], args, image);
	return 1;
}
