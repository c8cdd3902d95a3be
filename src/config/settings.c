#include "config/settings.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "base/paths.h"
#include "base/str.h"
#include "build-config.h"
#include "config/conffile.h"
#include "config/files.h"
#include "config/keys.h"
#include "config/known.h"
#include "config/private.h"
#include "config/user.h"
#include "config/value.h"

extern char **environ;

/* TEXT may be the value's own. */
static void value_assign(struct value *v, const char *text, enum setting_source source, const char *where)
{
	char *copy = text != NULL ? xstrdup(text) : NULL;
	free(v->text);
	free(v->where);
	v->text = copy;
	v->where = where != NULL ? xstrdup(where) : NULL;
	v->source = source;
}

/* From a file: the first assignment wins, and the environment over it. */
static void assign_from_file(void *ctx, const char *key, size_t len, const char *value, const char *path)
{
	struct settings *s = ctx;
	_cleanup_free_ char *name = xstrndup(key, len);
	if (strv_env_get(&s->assigned, name) != NULL)
		return;
	strv_env_set(&s->assigned, name, value);
	const char *env = getenv(name);
	if (env != NULL && *env != '\0')
		return;
	enum setting i = key_find(key, len);
	if (i != SETTING_COUNT_)
		value_assign(&s->values[i], value, SETTING_FROM_FILE, path);
	else if (str_starts_with(name, "ENROOT_"))
		strv_env_set(&s->foreign, name, value);
	else
		setenv(name, value, 1);
}

static void take_environment(struct settings *s)
{
	for (char **e = environ; *e != NULL; e++) {
		if (!str_starts_with(*e, "ENROOT_"))
			continue;
		size_t len = strcspn(*e, "=");
		const char *value = *e + len + ((*e)[len] == '=');
		if (*value == '\0')
			continue;
		enum setting i = key_find(*e, len);
		_cleanup_free_ char *name = xstrndup(*e, len);
		if (i != SETTING_COUNT_)
			value_assign(&s->values[i], value, SETTING_FROM_ENVIRONMENT, NULL);
		else if (!str_eq(name, SETTINGS_TEST_CONF))
			strv_env_set(&s->foreign, name, value);
	}
}

const char *environment_or(const char *variable, const char *fallback)
{
	const char *value = getenv(variable);
	return value != NULL && *value != '\0' ? value : fallback;
}

/* $XDG_X/enroot, or under the home directory. */
static char *user_directory(const char *variable, const char *below_home)
{
	const char *base = environment_or(variable, NULL);
	_cleanup_free_ char *home = base == NULL ? path_join(user_home(), below_home) : NULL;
	return path_join(base != NULL ? base : home, "enroot");
}

/* The default of a key, evaluated (the table shows it as enroot.conf does). NULL: none. */
static char *default_value(enum setting key)
{
	switch (key) {
	case SETTING_RUNTIME_PATH:
		return path_join(environment_or("XDG_RUNTIME_DIR", "/run"), "enroot");
	case SETTING_CONFIG_PATH:
		return user_directory("XDG_CONFIG_HOME", ".config");
	case SETTING_CACHE_PATH:
		return user_directory("XDG_CACHE_HOME", ".cache");
	case SETTING_DATA_PATH:
		return user_directory("XDG_DATA_HOME", ".local/share");
	case SETTING_TEMP_PATH:
		return xstrdup(environment_or("TMPDIR", "/tmp"));
	case SETTING_MAX_PROCESSORS:
		return xasprintf("%u", known_processors());
	default:
		return settings_keys[key].fallback != NULL ? xstrdup(settings_keys[key].fallback) : NULL;
	}
}

static void take_defaults(struct settings *s)
{
	for (enum setting i = 0; i < SETTING_COUNT_; i++) {
		if (s->values[i].text == NULL)
			s->values[i].text = default_value(i);
	}
}

static struct settings *settings_new(void)
{
	struct settings *s = xcalloc(1, sizeof(*s));
	s->config_file = xstrdup(environment_or(SETTINGS_TEST_CONF, ENROOT_SYSCONF_DIR "/enroot.conf"));
	return s;
}

int settings_load(struct settings **settings, struct error *err)
{
	struct settings *s = settings_new();
	if (files_read(s->config_file, &s->assigned, assign_from_file, s, err) < 0) {
		settings_free(s);
		return -1;
	}
	take_environment(s);
	take_defaults(s);
	*settings = s;
	return 0;
}

int settings_load_environment(struct settings **settings, struct error *err)
{
	(void)err;
	struct settings *s = settings_new();
	take_environment(s);
	take_defaults(s);
	*settings = s;
	return 0;
}

void settings_free(struct settings *s)
{
	if (s == NULL)
		return;
	for (enum setting i = 0; i < SETTING_COUNT_; i++) {
		free(s->values[i].text);
		free(s->values[i].where);
	}
	strv_cleanup(&s->foreign);
	strv_cleanup(&s->assigned);
	free(s->config_file);
	free(s);
}

const char *settings_config_file(const struct settings *s)
{
	return s->config_file;
}

static void take_directive(struct settings *s, const char *name, const char *line)
{
	struct conf_line parsed;
	_cleanup_free_ char *value = NULL;
	if (!conf_directive_parse(line, &parsed) ||
		value_expand(parsed.value, &s->assigned, &value) != VALUE_OK || *value == '\0')
		return;
	enum setting i = key_find(parsed.key, parsed.key_len);
	if (i != SETTING_COUNT_) {
		value_assign(&s->values[i], value, SETTING_FROM_DIRECTIVE, name);
		return;
	}
	_cleanup_free_ char *key = xstrndup(parsed.key, parsed.key_len);
	strv_env_set(&s->foreign, key, value);
}

void settings_add_directives(struct settings *s, const char *name, const char *text, size_t len)
{
	for (size_t at = 0; at < len;) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t n = end != NULL ? (size_t)(end - text) - at : len - at;
		if (text[at] == '#') {
			_cleanup_free_ char *line = xstrndup(text + at, n);
			take_directive(s, name, line);
		}
		at += n + 1;
	}
}

const char *settings_get(const struct settings *s, enum setting key)
{
	const char *text = s->values[key].text;
	return text == NULL || key_value_is_false(text) ? NULL : text;
}

bool settings_is_true(const struct settings *s, enum setting key)
{
	return settings_get(s, key) != NULL;
}

int settings_number(const struct settings *s, enum setting key, uint64_t *value, struct error *err)
{
	const char *text = settings_get(s, key);
	bool is_size = settings_keys[key].type == KEY_SIZE;
	if (text != NULL && (is_size ? str_parse_size(text, value) : str_parse_u64(text, value)))
		return 0;
	return error_set(err, EINVAL, "%s is not a number: %s", settings_keys[key].name,
		text != NULL ? text : "it is not set");
}

enum setting_source settings_source(const struct settings *s, enum setting key, const char **where)
{
	if (where != NULL)
		*where = s->values[key].where;
	return s->values[key].source;
}

const char *setting_source_name(enum setting_source source)
{
	static const char *const names[] = {
		[SETTING_FROM_DEFAULT] = "default",
		[SETTING_FROM_FILE] = "file",
		[SETTING_FROM_ENVIRONMENT] = "environment",
		[SETTING_FROM_DIRECTIVE] = "directive",
		[SETTING_FROM_FLAG] = "flag",
	};
	return names[source];
}

const char *settings_foreign(const struct settings *s, const char *name)
{
	const char *value = strv_env_get(&s->foreign, name);
	return value == NULL || key_value_is_false(value) ? NULL : value;
}

const char *setting_name(enum setting key)
{
	return settings_keys[key].name;
}

void settings_set(struct settings *s, enum setting key, const char *value)
{
	value_assign(&s->values[key], value, SETTING_FROM_FLAG, NULL);
}
