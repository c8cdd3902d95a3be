#include "doctor/facts.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

bool facts_kernel_version(const char *release, unsigned *major, unsigned *minor)
{
	return isdigit((unsigned char)release[0]) && sscanf(release, "%4u.%4u", major, minor) == 2;
}

/* The next line of *TEXT, or NULL; *LEN becomes its length. */
static const char *next_line(const char **text, size_t *len)
{
	const char *line = *text;
	if (*line == '\0')
		return NULL;
	*len = strcspn(line, "\n");
	*text = line + *len + (line[*len] == '\n');
	return line;
}

struct mount_words {
	char point[256], type[32]; /* cut off where they are longer: nobody asks for such */
};

static bool parse_mount(const char *line, size_t len, struct mount_words *m)
{
	const char *dash = memmem(line, len, " - ", 3);
	return dash != NULL && sscanf(line, "%*s %*s %*s %*s %255s", m->point) == 1 &&
	       sscanf(dash + 3, "%31s", m->type) == 1;
}

bool facts_root_type(const char *mountinfo, char *type, size_t size)
{
	bool found = false;
	size_t len;
	for (const char *line; (line = next_line(&mountinfo, &len)) != NULL;) {
		struct mount_words m;
		if (!parse_mount(line, len, &m) || !str_eq(m.point, "/"))
			continue;
		snprintf(type, size, "%s", m.type); /* the topmost comes last */
		found = true;
	}
	return found;
}

const char *facts_cgroups(const char *mountinfo)
{
	bool v1 = false, v2 = false;
	size_t len;
	for (const char *line; (line = next_line(&mountinfo, &len)) != NULL;) {
		struct mount_words m;
		if (!parse_mount(line, len, &m))
			continue;
		v1 = v1 || str_eq(m.type, "cgroup");
		v2 = v2 || str_eq(m.type, "cgroup2");
	}
	return v1 && v2 ? "v1 and v2" : v1 ? "v1" : v2 ? "v2" : NULL;
}

bool facts_status_number(const char *status, const char *key, int base, uint64_t *value)
{
	size_t len, key_len = strlen(key);
	for (const char *line; (line = next_line(&status, &len)) != NULL;) {
		if (len <= key_len || memcmp(line, key, key_len) != 0 || line[key_len] != ':')
			continue;
		const char *text = line + key_len + 1;
		text += strspn(text, " \t");
		if (!isxdigit((unsigned char)*text))
			return false;
		char *end;
		errno = 0;
		unsigned long long n = strtoull(text, &end, base);
		if (errno != 0 || end == text)
			return false;
		*value = n;
		return true;
	}
	return false;
}

/* "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue …": the first word that looks like one. */
bool facts_nvidia_version(const char *text, char *version, size_t size)
{
	size_t line = strcspn(text, "\n");
	for (const char *p = text; p < text + line;) {
		size_t len = strcspn(p, " \t\n");
		size_t digits = strspn(p, "0123456789.");
		if (digits > 0 && digits == len && memchr(p, '.', len) != NULL) {
			snprintf(version, size, "%.*s", (int)len, p);
			return true;
		}
		p += len + strspn(p + len, " \t");
	}
	return false;
}
