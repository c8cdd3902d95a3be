#include "config/known.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/processors.h"
#include "config/user.h"

unsigned known_processors(void)
{
	return processors_count();
}

static bool tell_number(char *buf, unsigned number)
{
	return snprintf(buf, KNOWN_VALUE_SIZE, "%u", number) > 0;
}

static bool tell_uid(char *buf)
{
	return tell_number(buf, getuid());
}

static bool tell_euid(char *buf)
{
	return tell_number(buf, geteuid());
}

static bool tell_egid(char *buf)
{
	return tell_number(buf, getegid());
}

static bool tell_processors(char *buf)
{
	return tell_number(buf, known_processors());
}

static bool tell_user(char *buf)
{
	_cleanup_user_ struct user user = USER_INIT;
	return user_find(geteuid(), &user) &&
	       snprintf(buf, KNOWN_VALUE_SIZE, "%s", user.name) < KNOWN_VALUE_SIZE;
}

static bool tell_host(char *buf)
{
	return gethostname(buf, KNOWN_VALUE_SIZE) == 0;
}

struct answer {
	const char *question;
	bool (*tell)(char *buf);
};

static const struct answer commands[] = {
	{ "id -u", tell_euid },
	{ "id -g", tell_egid },
	{ "id -un", tell_user },
	{ "whoami", tell_user },
	{ "hostname", tell_host },
	{ "nproc", tell_processors },
};

static const struct answer variables[] = {
	{ "UID", tell_uid },
	{ "EUID", tell_euid },
	{ "HOSTNAME", tell_host },
};

static const struct answer *find(const struct answer *answers, size_t count, const char *question, size_t len)
{
	for (size_t i = 0; i < count; i++) {
		if (strlen(answers[i].question) == len && memcmp(answers[i].question, question, len) == 0)
			return &answers[i];
	}
	return NULL;
}

const char *command_value(const char *text, size_t len, bool dry, char buf[KNOWN_VALUE_SIZE])
{
	const struct answer *a = find(commands, ARRAY_SIZE(commands), text, len);
	if (a == NULL)
		return NULL;
	return dry ? "" : a->tell(buf) ? buf : NULL;
}

const char *variable_value(const char *name, size_t len, char buf[KNOWN_VALUE_SIZE])
{
	if (len == 4 && memcmp(name, "HOME", 4) == 0)
		return user_home();
	const struct answer *a = find(variables, ARRAY_SIZE(variables), name, len);
	return a != NULL && a->tell(buf) ? buf : NULL;
}
