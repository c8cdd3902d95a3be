#include "hooks/gpu/document.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

static bool is_shallow(const char *text, size_t len)
{
	unsigned depth = 0;
	bool quoted = false;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '{' || c == '[') && ++depth > DOCUMENT_MAX_DEPTH)
			return false;
		else if (!quoted && (c == '}' || c == ']') && depth > 0)
			depth--;
	}
	return true;
}

json_t *document_parse_json(const char *text, size_t len, struct error *err)
{
	json_error_t why;
	if (len > DOCUMENT_MAX_BYTES || !is_shallow(text, len)) { /* jansson recurses */
		error_set(err, E2BIG, "too large or nested too deeply");
		return NULL;
	}
	json_t *tree = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	if (tree == NULL)
		error_set(err, EINVAL, "line %d: %s", why.line, why.text);
	return tree;
}

const char *document_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static bool parse_number(const char *text, uint64_t *value)
{
	int base = 10;
	if (str_starts_with(text, "0o") || str_starts_with(text, "0x")) {
		base = text[1] == 'o' ? 8 : 16;
		text += 2;
	}
	char *end;
	if (*text < '0' || (*text > '9' && base != 16))
		return false;
	errno = 0;
	*value = strtoull(text, &end, base);
	return errno == 0 && *end == '\0';
}

bool document_number(const json_t *object, const char *key, bool *is_set, uint64_t *value)
{
	const json_t *item = json_object_get(object, key);
	*is_set = item != NULL && !json_is_null(item);
	if (!*is_set)
		return true;
	if (json_is_string(item))
		return parse_number(json_string_value(item), value);
	if (!json_is_integer(item) || json_integer_value(item) < 0)
		return false;
	*value = (uint64_t)json_integer_value(item);
	return true;
}
