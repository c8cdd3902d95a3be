#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/options.h"
#include "build-config.h"
#include "cmd/cmd.h"
#include "cmd/json.h"

static const char usage[] = "Usage: enroot info [options]\n"
			    "\n"
			    "Show the version and the settings in force.\n"
			    "\n"
			    " Options:\n"
			    "       --json  As JSON, and where each setting comes from\n"
			    "   -h, --help  Show this text\n";

static void print_plain(const struct settings *settings)
{
	_cleanup_strv_ struct strv env = STRV_INIT;
	settings_export(settings, &env);
	printf("Enroot version: %s\nConfig file: %s\n\nEnvironment variables:\n", ENROOT_VERSION,
		settings_config_file(settings));
	for (size_t i = 0; i < env.count; i++)
		printf("  %s\n", env.items[i]);
}

static void print_member(const char *name, const char *value, bool last)
{
	printf("      ");
	json_print_string(name);
	printf(": ");
	json_print_string(value);
	printf(last ? "\n" : ",\n");
}

static void print_setting(const struct settings *settings, enum setting key, bool first)
{
	const char *where;
	enum setting_source source = settings_source(settings, key, &where);
	printf("%s\n    ", first ? "" : ",");
	json_print_string(setting_name(key));
	printf(": {\n");
	print_member("value", settings_get(settings, key), false);
	print_member("source", setting_source_name(source), where == NULL);
	if (where != NULL)
		print_member("file", where, true);
	printf("    }");
}

static bool is_setting(const char *entry)
{
	size_t len = strcspn(entry, "=");
	for (enum setting i = 0; i < SETTING_COUNT_; i++) {
		const char *name = setting_name(i);
		if (strlen(name) == len && memcmp(name, entry, len) == 0)
			return true;
	}
	return false;
}

/* The variables that settings_export() adds and that are no settings: foreign ones and the version. */
static void print_foreign(const struct settings *settings)
{
	_cleanup_strv_ struct strv env = STRV_INIT;
	settings_export(settings, &env);
	bool first = true;
	for (size_t i = 0; i < env.count; i++) {
		if (is_setting(env.items[i]))
			continue;
		_cleanup_free_ char *name = xstrndup(env.items[i], strcspn(env.items[i], "="));
		printf("%s\n    ", first ? "" : ",");
		json_print_string(name);
		printf(": ");
		json_print_string(env.items[i] + strlen(name) + 1);
		first = false;
	}
}

static void print_json(const struct settings *settings)
{
	printf("{\n  \"version\": ");
	json_print_string(ENROOT_VERSION);
	printf(",\n  \"config_file\": ");
	json_print_string(settings_config_file(settings));
	printf(",\n  \"settings\": {");
	bool first = true;
	for (enum setting i = 0; i < SETTING_COUNT_; i++) {
		if (settings_get(settings, i) == NULL)
			continue;
		print_setting(settings, i, first);
		first = false;
	}
	printf("\n  },\n  \"other_variables\": {");
	print_foreign(settings);
	printf("\n  }\n}\n");
}

int cmd_info(struct settings *settings, int argc, char *argv[])
{
	bool json = false;
	const struct option_spec specs[] = { { 0, "json", OPTION_FLAG, &json } };
	int first;
	int status = options_parse_or_usage(argc, argv, specs, ARRAY_SIZE(specs), usage, 0, 0, &first);
	if (status >= 0)
		return status;
	if (json)
		print_json(settings);
	else
		print_plain(settings);
	return 0;
}
