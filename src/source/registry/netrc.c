#include "source/registry/netrc.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/process.h"
#include "base/str.h"

#define SECRET_MAX        65536
#define SECRET_TIMEOUT_MS 30000

static void free_secret(char *secret)
{
	if (secret != NULL)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void netrc_cleanup(struct netrc *n)
{
	for (size_t i = 0; i < n->count; i++) {
		free(n->lines[i].machine);
		free(n->lines[i].login);
		free_secret(n->lines[i].secret);
	}
	free(n->lines);
	*n = (struct netrc){ 0 };
}

/* The next word of the line; *P moves behind it. The caller owns it. NULL at the end. */
static char *take_word(const char **p)
{
	*p += strspn(*p, " \t");
	size_t len = strcspn(*p, " \t");
	if (len == 0)
		return NULL;
	char *word = xstrndup(*p, len);
	*p += len;
	return word;
}

static void parse_fields(struct netrc_line *line, const char *p)
{
	for (;;) {
		_cleanup_free_ char *word = take_word(&p);
		if (word == NULL)
			return;
		if (str_eq(word, "password")) {
			p += strspn(p, " \t");
			line->secret = xstrdup(p);
			return;
		}
		char **slot = str_eq(word, "machine") ? &line->machine
			      : str_eq(word, "login") ? &line->login
						      : NULL;
		char *value = take_word(&p);
		if (slot != NULL && *slot == NULL)
			*slot = value;
		else
			free(value);
	}
}

static void parse_line(struct netrc *n, const char *text)
{
	const char *p = text + strspn(text, " \t");
	if (!str_starts_with(p, "machine ") && !str_starts_with(p, "machine\t"))
		return;
	struct netrc_line line = { 0 };
	parse_fields(&line, p);
	if (line.machine == NULL) {
		free(line.login);
		free_secret(line.secret);
		return;
	}
	grow_array(&n->lines, &n->capacity, n->count + 1);
	n->lines[n->count++] = line;
}

void netrc_parse(struct netrc *n, const char *text)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		char *line = xstrndup(text, len);
		size_t end = strlen(line);
		while (end > 0 && strchr(" \t\r", line[end - 1]) != NULL)
			line[--end] = '\0';
		parse_line(n, line);
		free_secret(line);
		text += len + (text[len] == '\n');
	}
}

const struct netrc_line *netrc_find(const struct netrc *n, const char *machine, const char *login)
{
	for (size_t i = 0; i < n->count; i++) {
		const struct netrc_line *l = &n->lines[i];
		if (strcasecmp(l->machine, machine) != 0)
			continue;
		if (login == NULL || (l->login != NULL && str_eq(l->login, login)))
			return l;
	}
	return NULL;
}

/* The text goes to the shell by its standard input: what it holds must not show in a list of processes. */
static int run_shell(const char *script, char **output, struct error *err)
{
	static const char *const shells[][4] = { { "bash", "--norc", "--noprofile", NULL }, { "sh", NULL } };
	int r = -1;
	for (size_t i = 0; i < ARRAY_SIZE(shells); i++) {
		const struct process_request req = {
			.argv = shells[i],
			.input = script,
			.timeout_ms = SECRET_TIMEOUT_MS,
			.max_output = SECRET_MAX,
		};
		error_clear(err);
		r = process_capture(&req, output, NULL, err);
		if (r >= 0 || err->code != ENOENT)
			break;
	}
	return r;
}

char *netrc_evaluate(const struct netrc_line *line, struct error *err)
{
	if (line->secret == NULL) {
		error_set(err, EINVAL, "the line of machine %s has no password", line->machine);
		return NULL;
	}
	if (line->secret[0] != '$')
		return xstrdup(line->secret);
	char *script = xasprintf("printf '%%s' \"%s\"\n", line->secret);
	char *output = NULL;
	int r = run_shell(script, &output, err);
	free_secret(script);
	if (r < 0)
		return NULL;
	if (r > 0 || *output == '\0' || strpbrk(output, "\r\n") != NULL) {
		free_secret(output);
		error_set(err, EINVAL, "the password of machine %s could not be evaluated", line->machine);
		return NULL;
	}
	return output;
}
