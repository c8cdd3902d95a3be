/*
 * As much of TOML as people write into registries.conf: tables in double brackets, and keys with strings and booleans.
 * Arrays are skipped.
 */
#include "source/registry/registries.h"

#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"

#define BLANKS      " \t\r"
#define ENTRIES_MAX 10000

enum table { TABLE_OTHER, TABLE_REGISTRY, TABLE_MIRROR };

struct parser {
	struct registries *r;
	enum table table;
	bool in_array; /* of several lines */
};

void registries_cleanup(struct registries *r)
{
	for (size_t i = 0; i < r->count; i++) {
		struct registries_entry *e = &r->entries[i];
		for (size_t j = 0; j < e->count; j++)
			free(e->mirrors[j].location);
		free(e->mirrors);
		free(e->prefix);
		free(e->location);
	}
	free(r->entries);
	*r = (struct registries){ 0 };
}

static char *trim(char *s)
{
	s += strspn(s, BLANKS);
	size_t len = strlen(s);
	while (len > 0 && strchr(BLANKS, s[len - 1]) != NULL)
		s[--len] = '\0';
	return s;
}

/* Cut a comment off, but not inside of quotes. */
static void cut_comment(char *line)
{
	char quote = '\0';
	for (; *line != '\0'; line++) {
		if (quote == '\0' && *line == '#') {
			*line = '\0';
			return;
		}
		if (quote == '\0' && (*line == '"' || *line == '\''))
			quote = *line;
		else if (*line == quote)
			quote = '\0';
	}
}

static bool begin_table(struct parser *p, const char *line)
{
	if (str_eq(line, "[[registry]]")) {
		if (p->r->count == ENTRIES_MAX)
			return false;
		grow_array(&p->r->entries, &p->r->capacity, p->r->count + 1);
		p->r->entries[p->r->count++] = (struct registries_entry){ 0 };
		p->table = TABLE_REGISTRY;
		return true;
	}
	bool is_mirror = str_eq(line, "[[registry.mirror]]");
	p->table = TABLE_OTHER;
	if (!is_mirror)
		return true;
	if (p->r->count == 0)
		return false;
	struct registries_entry *e = &p->r->entries[p->r->count - 1];
	if (e->count == ENTRIES_MAX)
		return false;
	grow_array(&e->mirrors, &e->capacity, e->count + 1);
	e->mirrors[e->count++] = (struct registries_mirror){ .for_digests = true, .for_tags = true };
	p->table = TABLE_MIRROR;
	return true;
}

/* A string in quotes, in place; NULL if it is none, or has escapes, which no name needs. */
static char *parse_string(char *value)
{
	size_t len = strlen(value);
	if (len < 2 || (*value != '"' && *value != '\'') || value[len - 1] != *value ||
		strchr(value, '\\') != NULL)
		return NULL;
	value[len - 1] = '\0';
	return value + 1;
}

static bool set_string(char **slot, char *value)
{
	const char *text = parse_string(value);
	if (text == NULL)
		return false;
	free(*slot);
	*slot = xstrdup(text);
	/* "host/" names what "host" does */
	size_t len = strlen(*slot);
	while (len > 0 && (*slot)[len - 1] == '/')
		(*slot)[--len] = '\0';
	return true;
}

static bool set_boolean(bool *slot, const char *value)
{
	*slot = str_eq(value, "true");
	return *slot || str_eq(value, "false");
}

static bool set_registry(struct registries_entry *e, const char *key, char *value)
{
	if (str_eq(key, "prefix"))
		return set_string(&e->prefix, value);
	if (str_eq(key, "location"))
		return set_string(&e->location, value);
	if (str_eq(key, "insecure"))
		return set_boolean(&e->is_insecure, value);
	if (str_eq(key, "blocked"))
		return set_boolean(&e->is_blocked, value);
	return true;
}

static bool set_mirror(struct registries_mirror *m, const char *key, char *value)
{
	if (str_eq(key, "location"))
		return set_string(&m->location, value);
	if (str_eq(key, "insecure"))
		return set_boolean(&m->is_insecure, value);
	if (!str_eq(key, "pull-from-mirror"))
		return true;
	const char *what = parse_string(value);
	if (what == NULL)
		return false;
	m->for_tags = !str_eq(what, "digest-only");
	m->for_digests = !str_eq(what, "tag-only");
	return true;
}

static bool take_pair(struct parser *p, char *line)
{
	char *equals = strchr(line, '=');
	if (equals == NULL)
		return false;
	*equals = '\0';
	char *key = trim(line), *value = trim(equals + 1);
	if (*value == '[') {
		p->in_array = strchr(value, ']') == NULL;
		return true;
	}
	if (p->table == TABLE_OTHER)
		return true;
	struct registries_entry *e = &p->r->entries[p->r->count - 1];
	return p->table == TABLE_REGISTRY ? set_registry(e, key, value)
					  : set_mirror(&e->mirrors[e->count - 1], key, value);
}

static bool take_line(struct parser *p, char *line)
{
	cut_comment(line);
	line = trim(line);
	if (p->in_array) {
		p->in_array = strchr(line, ']') == NULL;
		return true;
	}
	if (*line == '\0')
		return true;
	return *line == '[' ? begin_table(p, line) : take_pair(p, line);
}

void registries_parse(struct registries *r, char *text, const char *name)
{
	struct parser p = { .r = r };
	unsigned number = 0;
	for (char *rest = text, *line; (line = strsep(&rest, "\n")) != NULL;) {
		number++;
		if (!take_line(&p, line))
			log_warn("%s:%u: this line is not understood", name, number);
	}
}
