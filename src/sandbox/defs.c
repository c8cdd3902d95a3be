#include "sandbox/defs.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"

static const char *const names[DEF_COUNT_] = {
	[DEF_CREATE_HOME] = "CREATE_HOME",
	[DEF_CREATE_MAIL_SPOOL] = "CREATE_MAIL_SPOOL",
	[DEF_DEFAULT_HOME] = "DEFAULT_HOME",
	[DEF_ENV_PATH] = "ENV_PATH",
	[DEF_ENV_SUPATH] = "ENV_SUPATH",
	[DEF_ENV_TZ] = "ENV_TZ",
	[DEF_FAKE_SHELL] = "FAKE_SHELL",
	[DEF_HUSHLOGIN_FILE] = "HUSHLOGIN_FILE",
	[DEF_MAIL_CHECK_ENAB] = "MAIL_CHECK_ENAB",
	[DEF_MAIL_DIR] = "MAIL_DIR",
	[DEF_MAIL_FILE] = "MAIL_FILE",
	[DEF_MOTD_FILE] = "MOTD_FILE",
	[DEF_NOLOGINS_FILE] = "NOLOGINS_FILE",
	[DEF_SHELL] = "SHELL",
	[DEF_SKEL] = "SKEL",
	[DEF_ULIMIT] = "ULIMIT",
	[DEF_UMASK] = "UMASK",
	[DEF_USERGROUPS_ENAB] = "USERGROUPS_ENAB",
};

#define BLANKS " \t\r"

void defs_cleanup(struct defs *d)
{
	for (unsigned i = 0; i < DEF_COUNT_; i++)
		free(d->values[i]);
	*d = DEFS_INIT;
}

/* The length of the logical line at TEXT: up to the newline that no backslash takes back. */
static size_t logical_length(const char *text)
{
	size_t len = 0;
	bool in_comment = false;
	for (; text[len] != '\0' && text[len] != '\n'; len++) {
		in_comment |= text[len] == '#';
		if (text[len] == '\\' && text[len + 1] == '\n' && !in_comment)
			len++;
	}
	return len;
}

/* The next logical line, without comment, as a string that the caller owns; NULL at the end. */
static char *next_line(const char **cursor)
{
	const char *text = *cursor;
	if (*text == '\0')
		return NULL;
	size_t len = logical_length(text);
	*cursor = text + len + (text[len] == '\n');

	char *line = xmalloc(len + 1), *out = line;
	for (size_t i = 0; i < len && text[i] != '#'; i++) {
		if (text[i] == '\\' && text[i + 1] == '\n')
			i++;
		else
			*out++ = text[i];
	}
	*out = '\0';
	return line;
}

static void take_line(struct defs *d, char *line)
{
	char *key = line + strspn(line, BLANKS);
	size_t key_len = strcspn(key, BLANKS "=");
	char *value = key + key_len;
	value += strspn(value, BLANKS);
	value += *value == '=';
	value += strspn(value, BLANKS "\"'");
	size_t value_len = strcspn(value, BLANKS "\"'");
	for (unsigned i = 0; i < DEF_COUNT_; i++) {
		if (strlen(names[i]) == key_len && memcmp(names[i], key, key_len) == 0) {
			free(d->values[i]);
			d->values[i] = xstrndup(value, value_len);
			return;
		}
	}
}

void defs_parse(struct defs *d, const char *text)
{
	for (char *line; (line = next_line(&text)) != NULL;) {
		take_line(d, line);
		free(line);
	}
}

bool defs_is_true(const struct defs *d, enum def key, bool fallback)
{
	const char *value = d->values[key];
	if (value == NULL)
		return fallback;
	return strcasecmp(value, "yes") == 0 || strcasecmp(value, "true") == 0;
}

bool defs_number(const struct defs *d, enum def key, long *value)
{
	const char *text = d->values[key];
	if (text == NULL || *text == '\0')
		return false;
	char *end;
	errno = 0;
	*value = strtol(text, &end, 0);
	return errno == 0 && *end == '\0';
}
