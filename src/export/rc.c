#include "export/rc.h"

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

static bool parse_script(struct words *w, struct image_config *c)
{
	static const char local[] = "if [ -s /etc/rc.local ] then . /etc/rc.local fi";
	_cleanup_strv_ struct strv entrypoint = STRV_INIT, all = STRV_INIT;
	const char *dir;
	if (!parse_directory(w, &dir) || !skip_text(w, local) || !skip_text(w, "if [ $# -gt 0 ] then exec") ||
		!parse_list(w, ARGUMENTS, &entrypoint) || !skip_text(w, "else exec") ||
		!parse_list(w, "fi", &all) || w->at != w->count || !begins_with(&all, &entrypoint))
		return false;
	if (*dir == '/' && !str_eq(dir, "/"))
		c->working_dir = xstrdup(dir);
	for (size_t i = 0; i < entrypoint.count; i++)
		strv_push(&c->entrypoint, entrypoint.items[i]);
	for (size_t i = entrypoint.count; i < all.count; i++)
		strv_push(&c->cmd, all.items[i]);
	return true;
}

/* ---- the comments in front ---- */

static void add_label(struct image_config *c, size_t *capacity, const char *line, size_t len)
{
	const char *blank = memchr(line, ' ', len);
	size_t key_len = blank != NULL ? (size_t)(blank - line) : len;
	if (key_len == 0)
		return;
	grow_array(&c->labels, capacity, c->label_count + 1);
	c->labels[c->label_count++] = (struct source_label){
		.key = xstrndup(line, key_len),
		.value = blank != NULL ? xstrndup(blank + 1, len - key_len - 1) : xstrdup(""),
	};
}

static void parse_comments(const char *text, struct image_config *c)
{
	static const char provenance[] = "# enroot-provenance: ", manifest[] = "# enroot-manifest: ",
			  options[] = "# enroot-options: ";
	size_t capacity = 0;
	for (size_t len; *text == '#'; text += len + (text[len] == '\n')) {
		len = strcspn(text, "\n");
		if (str_starts_with(text, provenance) || str_starts_with(text, manifest))
			continue;
		if (str_starts_with(text, options) && c->architecture == NULL) {
			const char *arch = text + strlen(options);
			size_t n = strcspn(arch, " \n");
			if (n != 0 && strncmp(arch, "unknown", n) != 0)
				c->architecture = xstrndup(arch, n);
		} else if (len > 2 && text[1] == ' ' && !str_starts_with(text, options)) {
			add_label(c, &capacity, text + 2, len - 2);
		}
	}
}

bool rc_parse(const char *text, struct image_config *config)
{
	struct words words = { 0 };
	parse_comments(text, config);
	bool good = take_words(text, &words) && parse_script(&words, config);
	words_cleanup(&words);
	return good;
}
