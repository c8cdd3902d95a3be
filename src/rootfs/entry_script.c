#include "rootfs/entry_script.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"

/*
 * The script as words. A word that has quotes, or a part with some, is data; one without stands for itself. Line ends and
 * semicolons only part the words: the script's shape leaves no doubt where they were.
 */
struct word {
	char *text;
	bool is_quoted;
};

struct words {
	struct word *items;
	size_t count, capacity;
	size_t at; /* for the parser */
};

static void words_cleanup(struct words *w)
{
	for (size_t i = 0; i < w->count; i++)
		free(w->items[i].text);
	free(w->items);
}

/* ---- the lexer ---- */

/* 'TEXT'; *P is behind the first quote, and then behind the last. */
static bool take_single(const char **p, struct buffer *out)
{
	size_t len = strcspn(*p, "'");
	if ((*p)[len] == '\0')
		return false;
	buffer_append(out, *p, len);
	*p += len + 1;
	return true;
}

/* "TEXT" in which nothing is to be expanded. */
static bool take_double(const char **p, struct buffer *out)
{
	size_t len = strcspn(*p, "\"");
	if ((*p)[len] == '\0')
		return false;
	for (size_t i = 0; i < len; i++)
		if (strchr("$`\\", (*p)[i]) != NULL)
			return false;
	buffer_append(out, *p, len);
	*p += len + 1;
	return true;
}

static void add_word(struct words *words, char *text, bool is_quoted)
{
	grow_array(&words->items, &words->capacity, words->count + 1);
	words->items[words->count++] = (struct word){ .text = text, .is_quoted = is_quoted };
}

static bool is_between_words(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == ';';
}

/* A word in any mixture of quotes. false: the shell would make something else of it than what stands there. */
static bool take_word(const char **p, struct words *words)
{
	_cleanup_buffer_ struct buffer out = BUFFER_INIT;
	bool is_quoted = false;
	while (**p != '\0' && !is_between_words(**p)) {
		char c = *(*p)++;
		bool good = true;
		if (c == '\'' || c == '"') {
			is_quoted = true;
			good = c == '\'' ? take_single(p, &out) : take_double(p, &out);
		} else if (c == '\\' && **p != '\0' && **p != '\n') {
			is_quoted = true;
			buffer_putc(&out, *(*p)++);
		} else if (strchr("\\`()*?~{}", c) != NULL || (c == '$' && **p != '#')) {
			good = false;
		} else {
			buffer_putc(&out, c);
		}
		if (!good)
			return false;
	}
	add_word(words, buffer_steal(&out), is_quoted);
	return true;
}

#define ARGUMENTS "\"$@\"" /* as a word without quotes: it stands for itself */

static bool take_words(const char *p, struct words *words)
{
	while (*p != '\0') {
		if (is_between_words(*p)) {
			p++;
		} else if (*p == '#') {
			p += strcspn(p, "\n");
		} else if (str_starts_with(p, ARGUMENTS) && (p[4] == '\0' || is_between_words(p[4]))) {
			add_word(words, xstrdup(ARGUMENTS), false);
			p += strlen(ARGUMENTS);
		} else if (!take_word(&p, words)) {
			return false;
		}
	}
	return true;
}

/* ---- the parser ---- */

static bool is_bare(const struct words *w, size_t at, const char *text)
{
	return at < w->count && !w->items[at].is_quoted && str_eq(w->items[at].text, text);
}

/* The bare words of TEXT, parted by blanks, come next: go behind them. */
static bool skip_text(struct words *w, const char *text)
{
	size_t at = w->at;
	for (size_t len; *text != '\0'; text += len) {
		text += strspn(text, " ");
		len = strcspn(text, " ");
		_cleanup_free_ char *one = xstrndup(text, len);
		if (!is_bare(w, at++, one))
			return false;
	}
	w->at = at;
	return true;
}

static const char *next(struct words *w)
{
	return w->at < w->count ? w->items[w->at++].text : NULL;
}

/* mkdir -p DIR; cd DIR, and the ways in which failures of it were and are told. */
static bool parse_directory(struct words *w, const char **dir)
{
	static const char *const endings[] = {
		"|| exit 1 unset OLDPWD",
		"&& unset OLDPWD || exit 1",
		"|| exit 1",
	};
	if (!skip_text(w, "mkdir -p") || next(w) == NULL || !skip_text(w, "2> /dev/null") ||
		!skip_text(w, "cd") || (*dir = next(w)) == NULL)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++)
		if (skip_text(w, endings[i]))
			return true;
	return false;
}

/* Words up to the bare word END, which is skipped. */
static bool parse_list(struct words *w, const char *end, struct strv *list)
{
	for (; w->at < w->count; w->at++) {
		if (is_bare(w, w->at, end)) {
			w->at++;
			return true;
		}
		strv_push(list, w->items[w->at].text);
	}
	return false;
}

static bool begins_with(const struct strv *list, const struct strv *head)
{
	for (size_t i = 0; i < head->count; i++)
		if (i >= list->count || !str_eq(list->items[i], head->items[i]))
			return false;
	return true;
}

static bool parse_script(struct words *w, struct entry_script *script)
{
	static const char local[] = "if [ -s /etc/rc.local ] then . /etc/rc.local fi";
	_cleanup_strv_ struct strv all = STRV_INIT;
	const char *dir;
	if (!parse_directory(w, &dir) || !skip_text(w, local) || !skip_text(w, "if [ $# -gt 0 ] then exec") ||
		!parse_list(w, ARGUMENTS, &script->entrypoint) || !skip_text(w, "else exec") ||
		!parse_list(w, "fi", &all) || w->at != w->count || !begins_with(&all, &script->entrypoint))
		return false;
	script->working_dir = xstrdup(dir);
	for (size_t i = script->entrypoint.count; i < all.count; i++)
		strv_push(&script->cmd, all.items[i]);
	return true;
}

bool entry_script_parse(const char *text, struct entry_script *script)
{
	struct words words = { 0 };
	*script = (struct entry_script){ 0 };
	bool good = take_words(text, &words) && parse_script(&words, script);
	words_cleanup(&words);
	if (!good)
		entry_script_cleanup(script);
	return good;
}

bool entry_script_is_blank(const char *text)
{
	for (; *text != '\0'; text += strcspn(text, "\n")) {
		text += strspn(text, " \t\r\n");
		if (*text != '#' && *text != '\0')
			return false;
	}
	return true;
}

void entry_script_cleanup(struct entry_script *script)
{
	free(script->working_dir);
	strv_cleanup(&script->entrypoint);
	strv_cleanup(&script->cmd);
	*script = (struct entry_script){ 0 };
}
