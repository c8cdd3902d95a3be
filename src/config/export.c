/* What other programs see of the settings. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/paths.h"
#include "base/str.h"
#include "build-config.h"
#include "config/keys.h"
#include "config/private.h"
#include "config/user.h"

extern char **environ;

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void settings_export(const struct settings *s, struct strv *env)
{
	size_t first = env->count;
	for (enum setting i = 0; i < SETTING_COUNT_; i++) {
		const char *value = settings_get(s, i);
		if (value != NULL)
			strv_push_owned(env, xasprintf("%s=%s", settings_keys[i].name, value));
	}
	for (size_t i = 0; i < s->foreign.count; i++) {
		const char *entry = s->foreign.items[i];
		const char *value = strchr(entry, '=');
		if (!key_value_is_false(value + 1) && !str_starts_with(entry, "ENROOT_VERSION="))
			strv_push(env, entry);
	}
	strv_push(env, "ENROOT_VERSION=" ENROOT_VERSION);
	qsort(env->items + first, env->count - first, sizeof(*env->items), compare);
}

static void fill_in(struct strv *env, const char *key, const char *value)
{
	const char *now = strv_env_get(env, key);
	if (now == NULL || *now == '\0')
		strv_env_set(env, key, value);
}

void settings_hook_environment(const struct settings *s, struct strv *env)
{
	static const struct {
		const char *key, *below_home;
	} directories[] = {
		{ "XDG_CACHE_HOME", ".cache" },
		{ "XDG_CONFIG_HOME", ".config" },
		{ "XDG_DATA_HOME", ".local/share" },
	};
	for (char **e = environ; *e != NULL; e++) {
		if (!str_starts_with(*e, "ENROOT_"))
			strv_push(env, *e);
	}
	settings_export(s, env);
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		_cleanup_free_ char *path = path_join(user_home(), directories[i].below_home);
		fill_in(env, directories[i].key, path);
	}
	fill_in(env, "XDG_RUNTIME_DIR", "/run");
}
