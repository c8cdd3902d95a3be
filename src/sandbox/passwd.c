#include "sandbox/passwd.h"

#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "base/strv.h"

const char *passwd_next_line(const char **cursor, size_t *len)
{
	const char *line = *cursor;
	if (*line == '\0')
		return NULL;
	*len = strcspn(line, "\n");
	*cursor = line + *len + (line[*len] == '\n');
	return line;
}

bool passwd_find_uid(const char *text, uid_t uid, struct user *user)
{
	size_t len;
	for (const char *line; (line = passwd_next_line(&text, &len)) != NULL;) {
		_cleanup_free_ char *copy = xstrndup(line, len);
		struct user found = USER_INIT;
		if (user_parse_line(copy, &found) && found.uid == uid) {
			*user = found;
			return true;
		}
		user_cleanup(&found);
	}
	return false;
}

/* NAME:PASSWORD:GID:MEMBERS */
char *group_find_gid(const char *text, gid_t gid)
{
	size_t len;
	for (const char *line; (line = passwd_next_line(&text, &len)) != NULL;) {
		_cleanup_strv_ struct strv fields = STRV_INIT;
		_cleanup_free_ char *copy = xstrndup(line, len);
		uint64_t id;
		strv_split(&fields, copy, ':');
		if (fields.count == 4 && *fields.items[0] != '\0' && str_parse_u64(fields.items[2], &id) &&
			id == gid)
			return xstrdup(fields.items[0]);
	}
	return NULL;
}
