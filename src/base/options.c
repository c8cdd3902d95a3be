#include "base/options.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"

static const struct option_spec *find_short(char letter, const struct option_spec *specs, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (specs[i].letter != '\0' && specs[i].letter == letter)
			return &specs[i];
	}
	return NULL;
}

static const struct option_spec *find_long(const char *name, const struct option_spec *specs, unsigned count)
{
	size_t len = strcspn(name, "=");
	for (unsigned i = 0; i < count; i++) {
		if (specs[i].name != NULL && strlen(specs[i].name) == len &&
			memcmp(specs[i].name, name, len) == 0)
			return &specs[i];
	}
	return NULL;
}

/* Store VALUE (NULL for a flag). false: the value does not fit the option. */
static bool store(const struct option_spec *spec, const char *value)
{
	if (spec->kind == OPTION_FLAG) {
		*(bool *)spec->target = true;
		return value == NULL;
	}
	if (value == NULL || *value == '\0')
		return false;
	if (spec->kind == OPTION_STRING)
		*(const char **)spec->target = value;
	else
		strv_push(spec->target, value);
	return true;
}

static bool is_help(const char *arg)
{
	return str_eq(arg, "-h") || str_eq(arg, "--help");
}

enum options_result options_parse(
	int argc, char *argv[], const struct option_spec *specs, unsigned count, int *operands)
{
	int i = 1;
	for (; i < argc; i++) {
		const char *arg = argv[i];
		*operands = i;
		if (str_eq(arg, "--")) {
			i++;
			break;
		}
		if (arg[0] != '-' || arg[1] == '\0')
			break;
		bool is_long = arg[1] == '-';
		const struct option_spec *spec = NULL;
		if (is_long)
			spec = find_long(arg + 2, specs, count);
		else if (arg[2] == '\0')
			spec = find_short(arg[1], specs, count);
		if (spec == NULL)
			return is_help(arg) ? OPTIONS_HELP : OPTIONS_USAGE;
		const char *value = is_long ? strchr(arg, '=') : NULL;
		if (value != NULL)
			value++;
		else if (spec->kind != OPTION_FLAG && i + 1 < argc)
			value = argv[++i];
		if (!store(spec, value))
			return OPTIONS_USAGE;
	}
	*operands = i;
	return OPTIONS_OK;
}

int options_parse_or_usage(int argc, char *argv[], const struct option_spec *specs, unsigned count,
	const char *usage, int min, int max, int *operands)
{
	enum options_result r = options_parse(argc, argv, specs, count, operands);
	int given = r == OPTIONS_OK ? argc - *operands : 0;
	if (r == OPTIONS_OK && given >= min && (max < 0 || given <= max))
		return -1;
	fputs(usage, stdout);
	fflush(stdout);
	if (r == OPTIONS_HELP)
		return 0;
	if (r == OPTIONS_OK && given < min)
		log_error("Missing argument");
	else
		log_error("Invalid argument: %s", argv[r == OPTIONS_OK ? *operands + max : *operands]);
	return 1;
}
