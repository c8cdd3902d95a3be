#include "base/strv.h"

#include <string.h>

#include "base/memory.h"

void strv_cleanup(struct strv *v)
{
	for (size_t i = 0; i < v->count; i++)
		free(v->items[i]);
	free(v->items);
	*v = STRV_INIT;
}

void strv_push_owned(struct strv *v, char *s)
{
	grow_array(&v->items, &v->capacity, v->count + 2);
	v->items[v->count++] = s;
	v->items[v->count] = NULL;
}

void strv_push(struct strv *v, const char *s)
{
	strv_push_owned(v, xstrdup(s));
}

void strv_split(struct strv *v, const char *s, char separator)
{
	for (;;) {
		const char *end = strchrnul(s, separator);
		strv_push_owned(v, xstrndup(s, (size_t)(end - s)));
		if (*end == '\0')
			return;
		s = end + 1;
	}
}

bool strv_contains(const struct strv *v, const char *s)
{
	for (size_t i = 0; i < v->count; i++) {
		if (strcmp(v->items[i], s) == 0)
			return true;
	}
	return false;
}

static size_t env_find(const struct strv *v, const char *key)
{
	size_t len = strlen(key);
	for (size_t i = 0; i < v->count; i++) {
		if (strncmp(v->items[i], key, len) == 0 && v->items[i][len] == '=')
			return i;
	}
	return v->count;
}

void strv_env_set(struct strv *v, const char *key, const char *value)
{
	char *entry = xasprintf("%s=%s", key, value);
	size_t i = env_find(v, key);
	if (i == v->count) {
		strv_push_owned(v, entry);
		return;
	}
	free(v->items[i]);
	v->items[i] = entry;
}

const char *strv_env_get(const struct strv *v, const char *key)
{
	size_t i = env_find(v, key);
	return i == v->count ? NULL : v->items[i] + strlen(key) + 1;
}

void strv_env_unset(struct strv *v, const char *key)
{
	size_t i = env_find(v, key);
	if (i == v->count)
		return;
	free(v->items[i]);
	memmove(&v->items[i], &v->items[i + 1], (v->count - i) * sizeof(*v->items));
	v->count--;
}
