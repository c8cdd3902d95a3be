#include "config/conffile.h"

#include <ctype.h>
#include <string.h>

#include "base/str.h"
#include "config/keys.h"

static size_t key_length(const char *s)
{
	size_t n = 0;
	while (isalnum((unsigned char)s[n]) || s[n] == '_')
		n++;
	return n;
}

bool conf_line_parse(const char *line, struct conf_line *parsed)
{
	line += strspn(line, " \t");
	size_t len = key_length(line);
	const char *value = line + len;
	size_t separator = strspn(value, " \t");
	separator += value[separator] == '=';
	separator += strspn(value + separator, " \t");
	if (separator == 0 || value[separator] == '\0' || !key_is_taken(line, len))
		return false;
	*parsed = (struct conf_line){ .key = line, .key_len = len, .value = value + separator };
	return true;
}

bool conf_directive_parse(const char *line, struct conf_line *parsed)
{
	if (*line != '#')
		return false;
	line++;
	line += strspn(line, " \t");
	return str_starts_with(line, "ENROOT_") && conf_line_parse(line, parsed);
}
