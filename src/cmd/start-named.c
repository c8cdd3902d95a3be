#include "cmd/start-named.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/paths.h"
#include "base/str.h"
#include "cmd/start-operand.h"
#include "start/detach.h"
#include "start/record.h"
#include "store/container.h"

/* The container's own name, or that of an image without ".sqsh"; of REGISTRY#IMAGE the latter. */
static char *name_of(const char *operand)
{
	const char *hash = strrchr(operand, '#');
	char *name = path_basename(hash != NULL && strstr(operand, "://") != NULL ? hash + 1 : operand);
	if (str_ends_with(name, ".sqsh"))
		name[strlen(name) - strlen(".sqsh")] = '\0';
	return name;
}

/* In the child; it comes back only if there is no container. */
static int run_detached(const struct settings *settings, const char *operand, const char *name,
	struct start_request *req, struct error *err)
{
	if (record_write(settings, name, err) < 0 || start_operand(settings, operand, req, err) < 0)
		return -1;
	return error_set(err, EACCES, "%s is closed to ordinary users: nothing was run", operand);
}

static int start_detached(const struct settings *settings, const char *operand, const char *name,
	struct start_request *req, struct error *err)
{
	_cleanup_free_ char *log = NULL;
	struct detach d;
	if (record_check(settings, name, err) < 0 || (log = record_log_path(settings, name, err)) == NULL)
		return -1;
	int side = detach_fork(&d, log, err);
	if (side < 0)
		return -1;
	if (side == 0) {
		req->channel = d.channel;
		if (run_detached(settings, operand, name, req, err) < 0) {
			error_hint(err, "more may be in %s", log);
			detach_fail(&d, err);
		}
	}
	if (detach_wait(&d, err) < 0)
		return -1;
	pid_t inside = record_container_process(d.child);
	printf("%d\n", inside != 0 ? inside : d.child);
	return 0;
}

int start_named(const struct settings *settings, const char *operand, const char *name, bool detach,
	struct start_request *req, struct error *err)
{
	_cleanup_free_ char *own = NULL;
	if (name == NULL && !detach)
		return start_operand(settings, operand, req, err);
	if (name == NULL) {
		own = name_of(operand);
		name = own;
	}
	if (container_name_check(name, err) < 0)
		return -1;
	if (detach)
		return start_detached(settings, operand, name, req, err);
	return record_write(settings, name, err) < 0 ? -1 : start_operand(settings, operand, req, err);
}
