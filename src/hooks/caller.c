#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "config/getent.h"
#include "hooks/hooks.h"
#include "sandbox/passwd.h"
#include "sandbox/rootfile.h"

#define GROUP_FILE "/etc/group"

/* As for users: the file, then getent. */
static char *find_group(gid_t gid)
{
	_cleanup_free_ char *text = NULL, *line = NULL;
	_cleanup_close_ int fd = open(GROUP_FILE, O_RDONLY | O_CLOEXEC);
	char *name = NULL;
	if (fd >= 0 && fd_read_all(fd, ROOTFILE_MAX_BYTES, &text, NULL) == 0)
		name = group_find_gid(text, gid);
	if (name != NULL)
		return name;
	line = getent_line("group", gid);
	return line != NULL ? group_find_gid(line, gid) : NULL;
}

void hooks_caller_load(struct hooks_caller *caller, const struct ids *ids)
{
	if (!user_find(ids->outer_uid, &caller->user)) {
		caller->user = (struct user){
			.name = xasprintf("%u", ids->outer_uid),
			.gecos = xstrdup(""),
			.home = xstrdup("/"),
			.shell = xstrdup(""),
			.uid = ids->outer_uid,
			.gid = ids->outer_gid,
		};
	}
	caller->group = find_group(ids->outer_gid);
	if (caller->group == NULL)
		caller->group = xstrdup(caller->user.name);
}

void hooks_caller_cleanup(struct hooks_caller *caller)
{
	user_cleanup(&caller->user);
	free(caller->group);
	caller->group = NULL;
}
