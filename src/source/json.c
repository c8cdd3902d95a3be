#include "source/json.h"

#include <errno.h>

/* Is the nesting within bounds? jansson recurses, so this is known before it starts. */
static bool is_shallow(const char *data, size_t len)
{
	unsigned depth = 0;
	bool in_string = false;
	for (size_t i = 0; i < len; i++) {
		char c = data[i];
		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > JSON_DEPTH_MAX)
				return false;
		} else if ((c == '}' || c == ']') && depth > 0) {
			depth--;
		}
	}
	return true;
}

json_t *json_parse_object(const char *data, size_t len, const char *what, struct error *err)
{
	if (!is_shallow(data, len)) {
		error_set(err, EPROTO, "%s is nested more than %d deep", what, JSON_DEPTH_MAX);
		return NULL;
	}
	json_error_t e;
	json_t *value = json_loadb(data, len, JSON_REJECT_DUPLICATES, &e);
	if (value == NULL) {
		/* Its text quotes the document, which may hold secrets; what the duplicate key is does no harm. */
		bool is_duplicate = json_error_code(&e) == json_error_duplicate_key;
		error_set(err, EPROTO, "%s is no valid JSON: %s at line %d, column %d", what,
			is_duplicate ? "duplicate key" : "syntax error", e.line, e.column);
		return NULL;
	}
	if (!json_is_object(value)) {
		json_decref(value);
		error_set(err, EPROTO, "%s is no JSON object", what);
		return NULL;
	}
	return value;
}

const char *json_get_string(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

bool json_get_u64(const json_t *object, const char *key, uint64_t *value)
{
	const json_t *number = json_object_get(object, key);
	if (!json_is_integer(number) || json_integer_value(number) < 0)
		return false;
	*value = (uint64_t)json_integer_value(number);
	return true;
}

int json_get_strings(const json_t *object, const char *key, struct strv *list, struct error *err)
{
	const json_t *array = json_object_get(object, key);
	if (array == NULL || json_is_null(array))
		return 0;
	if (!json_is_array(array))
		return error_set(err, EPROTO, "%s is no list", key);
	size_t i;
	json_t *item;
	json_array_foreach(array, i, item)
	{
		if (!json_is_string(item))
			return error_set(err, EPROTO, "%s holds something that is no string", key);
		strv_push(list, json_string_value(item));
	}
	return 0;
}
