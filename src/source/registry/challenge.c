#include "source/registry/challenge.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/buffer.h"
#include "base/memory.h"

void challenge_cleanup(struct challenge *c)
{
	free(c->realm);
	free(c->service);
	free(c->scope);
	*c = (struct challenge){ 0 };
}

static bool is_token_char(char c)
{
	/* RFC 9110, section 5.6.2, and what servers write unquoted against it. */
	return (unsigned char)c > ' ' && (unsigned char)c < 0x7f && strchr("\",=", c) == NULL;
}

static const char *skip_blanks(const char *p)
{
	return p + strspn(p, " \t");
}

/* A token, or NULL; the caller owns it. *P moves behind it. */
static char *take_token(const char **p)
{
	const char *start = *p;
	while (is_token_char(**p))
		(*p)++;
	return *p > start ? xstrndup(start, (size_t)(*p - start)) : NULL;
}

/* A parameter's value: a quoted string, or anything up to the next comma or blank ("=" too: token68). */
static char *take_value(const char **p)
{
	struct buffer value = BUFFER_INIT;
	if (**p != '"') {
		while (**p != '\0' && strchr(", \t", **p) == NULL)
			buffer_putc(&value, *(*p)++);
		return buffer_steal(&value);
	}
	for ((*p)++; **p != '\0' && **p != '"'; (*p)++) {
		if (**p == '\\' && (*p)[1] != '\0')
			(*p)++;
		buffer_putc(&value, **p);
	}
	if (**p == '"')
		(*p)++;
	return buffer_steal(&value);
}

static void set_parameter(struct challenge *c, const char *name, char *value)
{
	char **slot = NULL;
	if (strcasecmp(name, "realm") == 0)
		slot = &c->realm;
	else if (strcasecmp(name, "service") == 0)
		slot = &c->service;
	else if (strcasecmp(name, "scope") == 0)
		slot = &c->scope;
	if (slot == NULL || *slot != NULL) {
		free(value); /* of two values the first counts */
		return;
	}
	*slot = value;
}

static enum challenge_kind kind_of(const char *scheme)
{
	if (strcasecmp(scheme, "bearer") == 0)
		return CHALLENGE_BEARER;
	return strcasecmp(scheme, "basic") == 0 ? CHALLENGE_BASIC : CHALLENGE_NONE;
}

/* Keep CANDIDATE if it is better than BEST; it is empty afterwards. */
static void consider(struct challenge *best, struct challenge *candidate)
{
	bool is_usable = candidate->kind == CHALLENGE_BASIC ||
			 (candidate->kind == CHALLENGE_BEARER && candidate->realm != NULL);
	if (is_usable && candidate->kind > best->kind) {
		challenge_cleanup(best);
		*best = *candidate;
		*candidate = (struct challenge){ 0 };
	}
	challenge_cleanup(candidate);
}

static void parse_value(struct challenge *best, const char *p)
{
	_cleanup_challenge_ struct challenge current = { 0 };
	for (;;) {
		p += strspn(p, " \t,");
		if (*p == '\0')
			break;
		_cleanup_free_ char *word = take_token(&p);
		if (word == NULL) {
			p++; /* not ours to repair */
			continue;
		}
		const char *next = skip_blanks(p);
		if (*next == '=') {
			p = skip_blanks(next + 1);
			set_parameter(&current, word, take_value(&p));
			continue;
		}
		consider(best, &current);
		current.kind = kind_of(word);
	}
	consider(best, &current);
}

void challenge_parse(struct challenge *c, char *const *values, size_t count)
{
	*c = (struct challenge){ 0 };
	for (size_t i = 0; i < count; i++)
		parse_value(c, values[i]);
}
