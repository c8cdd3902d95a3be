#include "config/value.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/str.h"
#include "base/strv.h"
#include "config/known.h"
#include "config/user.h"

extern char **environ;

/* The state of one expansion. Words are joined by one blank, as echo does. */
struct expansion {
	const struct strv *assigned; /* variables beside the environment's, may be NULL */
	bool dry;                    /* only look whether it is well-formed */
	struct buffer out;
	bool in_word;     /* something (perhaps empty quotes) was added since the last blank */
	bool has_words;   /* a word ended before */
	bool needs_shell; /* globs, commands, redirections… */
	unsigned depth;   /* of ${…:-${…}} */
};

#define DEPTH_MAX 32 /* beyond, it is the shell's stack */

static void begin_word(struct expansion *x)
{
	if (!x->in_word && x->has_words)
		buffer_putc(&x->out, ' ');
	x->in_word = true;
}

static void end_word(struct expansion *x)
{
	x->has_words |= x->in_word;
	x->in_word = false;
}

static void add(struct expansion *x, char c)
{
	begin_word(x);
	buffer_putc(&x->out, c);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* The value of a variable: split into words where it is not quoted. */
static void add_value(struct expansion *x, const char *value, bool quoted)
{
	if (quoted)
		begin_word(x);
	if (x->dry)
		return;
	for (; *value != '\0'; value++) {
		if (!quoted && is_blank(*value)) {
			end_word(x);
			continue;
		}
		if (!quoted && strchr("*?[\\", *value) != NULL)
			x->needs_shell = true;
		add(x, *value);
	}
}

static size_t name_length(const char *s)
{
	size_t n = 0;
	if (isalpha((unsigned char)*s) || *s == '_') {
		while (isalnum((unsigned char)s[n]) || s[n] == '_')
			n++;
	}
	return n;
}

static const char *list_value(char *const *list, const char *name, size_t len)
{
	for (; list != NULL && *list != NULL; list++) {
		if (strncmp(*list, name, len) == 0 && (*list)[len] == '=')
			return *list + len + 1;
	}
	return NULL;
}

static const char *lookup(const struct expansion *x, const char *name, size_t len, char buf[KNOWN_VALUE_SIZE])
{
	if (x->dry)
		return "";
	const char *value = list_value(environ, name, len);
	if (value != NULL && *value != '\0')
		return value;
	if (x->assigned != NULL) {
		const char *assigned = list_value(x->assigned->items, name, len);
		value = assigned != NULL ? assigned : value;
	}
	return value != NULL ? value : variable_value(name, len, buf);
}

static enum value_result expand_text(struct expansion *x, const char *text, size_t len, bool quoted);

/* The length of a text in braces up to the closing one that belongs to it, or -1. */
static ptrdiff_t closing_brace(const char *s, size_t len)
{
	char quote = '\0';
	unsigned depth = 1;
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '\\' && quote != '\'') {
			i++;
		} else if (quote != '\0') {
			quote = s[i] == quote ? '\0' : quote;
		} else if (s[i] == '\'' || s[i] == '"') {
			quote = s[i];
		} else if (s[i] == '{' && i > 0 && s[i - 1] == '$') {
			depth++;
		} else if (s[i] == '}' && --depth == 0) {
			return (ptrdiff_t)i;
		}
	}
	return -1;
}

/* ${NAME}, ${NAME:-word}, ${NAME-word}; P stands behind "${". Returns how many bytes were used. */
static enum value_result expand_braces(
	struct expansion *x, const char *p, size_t len, bool quoted, size_t *used)
{
	ptrdiff_t end = closing_brace(p, len);
	if (end < 0)
		return VALUE_INVALID;
	*used = (size_t)end + 1;
	size_t n = name_length(p);
	bool colon = p[n] == ':';
	const char *op = p + n + colon;
	if (n == 0 || (op != p + end && *op != '-') || (colon && *op != '-')) {
		x->needs_shell = true;
		return VALUE_OK;
	}
	char buf[KNOWN_VALUE_SIZE];
	const char *value = lookup(x, p, n, buf);
	if (value != NULL && (*value != '\0' || !colon)) {
		add_value(x, value, quoted);
		return VALUE_OK;
	}
	if (op == p + end)
		return VALUE_VOID;
	if (quoted)
		begin_word(x);
	if (x->depth == DEPTH_MAX) {
		x->needs_shell = true;
		return VALUE_OK;
	}
	x->depth++;
	enum value_result r = expand_text(x, op + 1, (size_t)(p + end - op - 1), quoted);
	x->depth--;
	return r;
}

/* A "$" at P of LEN bytes. */
static enum value_result expand_dollar(
	struct expansion *x, const char *p, size_t len, bool quoted, size_t *used)
{
	char buf[KNOWN_VALUE_SIZE];
	if (len > 1 && p[1] == '{') {
		enum value_result r = expand_braces(x, p + 2, len - 2, quoted, used);
		*used += 2;
		return r;
	}
	size_t n = name_length(p + 1);
	if (n > len - 1)
		n = len - 1;
	if (n > 0) {
		*used = n + 1;
		const char *value = lookup(x, p + 1, n, buf);
		if (value == NULL)
			return VALUE_VOID;
		add_value(x, value, quoted);
		return VALUE_OK;
	}
	*used = 1;
	if (len > 1 && p[1] == '(') {
		const char *end = memchr(p, ')', len);
		const char *value =
			end == NULL ? NULL : command_value(p + 2, (size_t)(end - p - 2), x->dry, buf);
		if (value == NULL) {
			x->needs_shell = true;
			return VALUE_OK;
		}
		*used = (size_t)(end - p) + 1;
		add_value(x, value, quoted);
		return VALUE_OK;
	}
	if (len > 1 && !is_blank(p[1]) && p[1] != '"' && p[1] != '/')
		x->needs_shell = true; /* $1, $$, $'…' */
	add(x, '$');
	return VALUE_OK;
}

/* "…": P stands behind the opening quote. */
static enum value_result expand_double(struct expansion *x, const char *p, size_t len, size_t *used)
{
	begin_word(x);
	for (size_t i = 0; i < len; i++) {
		if (p[i] == '"') {
			*used = i + 1;
			return VALUE_OK;
		}
		if (p[i] == '\\' && i + 1 < len && strchr("$`\"\\", p[i + 1]) != NULL) {
			add(x, p[++i]);
		} else if (p[i] == '$') {
			size_t n = 0;
			enum value_result r = expand_dollar(x, p + i, len - i, true, &n);
			if (r != VALUE_OK)
				return r;
			i += n - 1;
		} else {
			if (p[i] == '`')
				x->needs_shell = true;
			add(x, p[i]);
		}
	}
	return VALUE_INVALID;
}

/* "~" and "~/…" at the start of a word. */
static bool is_home(const struct expansion *x, const char *p, size_t len)
{
	return !x->in_word && (len == 1 || p[1] == '/' || is_blank(p[1]));
}

/* One unquoted piece at P. */
static enum value_result expand_piece(struct expansion *x, const char *p, size_t len, size_t *used)
{
	*used = 1;
	switch (*p) {
	case ' ':
	case '\t':
	case '\n':
		end_word(x);
		return VALUE_OK;
	case '\'': {
		const char *end = memchr(p + 1, '\'', len - 1);
		if (end == NULL)
			return VALUE_INVALID;
		begin_word(x);
		buffer_append(&x->out, p + 1, (size_t)(end - p - 1));
		*used = (size_t)(end - p) + 1;
		return VALUE_OK;
	}
	case '"': {
		enum value_result r = expand_double(x, p + 1, len - 1, used);
		*used += 1;
		return r;
	}
	case '\\':
		if (len > 1) {
			add(x, p[1]);
			*used = 2;
		} else {
			add(x, '\\');
		}
		return VALUE_OK;
	case '$':
		return expand_dollar(x, p, len, false, used);
	case '~':
		if (is_home(x, p, len)) {
			add_value(x, x->dry ? "" : user_home(), true);
			return VALUE_OK;
		}
		x->needs_shell |= !x->in_word;
		break;
	default:
		if (strchr(x->dry ? "`;&|<>()" : "*?[`;&|<>()", *p) != NULL)
			x->needs_shell = true;
	}
	add(x, *p);
	return VALUE_OK;
}

static enum value_result expand_text(struct expansion *x, const char *text, size_t len, bool quoted)
{
	for (size_t i = 0, used = 0; i < len; i += used) {
		if (text[i] == '#' && !x->in_word && !quoted)
			break; /* a comment */
		enum value_result r = VALUE_OK;
		if (quoted && text[i] == '$') {
			r = expand_dollar(x, text + i, len - i, true, &used);
		} else if (quoted && text[i] != '\\' && text[i] != '"') {
			add(x, text[i]);
			used = 1;
		} else {
			r = expand_piece(x, text + i, len - i, &used);
		}
		if (r != VALUE_OK)
			return r;
	}
	return VALUE_OK;
}

#define SHELL_TIMEOUT_MS 30000
#define SHELL_MAX_OUTPUT 65536

/* An environment in which sh knows what bash knows by itself. */
static void shell_environment(const struct strv *assigned, struct strv *env)
{
	for (char **e = environ; *e != NULL; e++)
		strv_push(env, *e);
	for (size_t i = 0; assigned != NULL && i < assigned->count; i++) {
		size_t len = strcspn(assigned->items[i], "=");
		const char *now = list_value(environ, assigned->items[i], len);
		if (now == NULL || *now == '\0')
			strv_push(env, assigned->items[i]);
	}
	char number[16], host[256];
	snprintf(number, sizeof(number), "%u", getuid());
	strv_env_set(env, "UID", number);
	snprintf(number, sizeof(number), "%u", geteuid());
	strv_env_set(env, "EUID", number);
	if (strv_env_get(env, "HOSTNAME") == NULL && gethostname(host, sizeof(host)) == 0)
		strv_env_set(env, "HOSTNAME", host);
	if (strv_env_get(env, "HOME") == NULL)
		strv_env_set(env, "HOME", user_home());
}

/*
 * echo, but always the same one: dash's would eat backslashes. An unset variable ends the shell (set -u). What it
 * says about that is not for the user, who may be reading a list.
 */
static enum value_result expand_by_shell(const char *text, const struct strv *assigned, char **value)
{
	_cleanup_free_ char *script =
		xasprintf("exec 2>/dev/null\necho() { printf '%%s\\n' \"$*\"; }\nset -u\necho %s\n", text);
	_cleanup_strv_ struct strv env = STRV_INIT;
	shell_environment(assigned, &env);
	const char *argv[] = { "/bin/sh", "-c", script, NULL };
	struct process_request req = {
		.argv = argv,
		.envp = (const char *const *)env.items,
		.timeout_ms = SHELL_TIMEOUT_MS,
		.max_output = SHELL_MAX_OUTPUT,
	};
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_free_ char *output = NULL;
	size_t len = 0;
	if (process_capture(&req, &output, &len, &err) != 0)
		return VALUE_VOID;
	while (len > 0 && output[len - 1] == '\n')
		output[--len] = '\0';
	*value = steal_pointer(&output);
	return VALUE_OK;
}

enum value_result value_expand(const char *text, const struct strv *assigned, char **value)
{
	struct expansion x = { .assigned = assigned };
	enum value_result r = expand_text(&x, text, strlen(text), false);
	if (r == VALUE_OK && !x.needs_shell)
		*value = buffer_steal(&x.out);
	buffer_cleanup(&x.out);
	if (r == VALUE_VOID || !x.needs_shell)
		return r;
	return expand_by_shell(text, assigned, value);
}

/* Words that make a line more than a simple command. */
static bool is_reserved(const char *word, size_t len)
{
	static const char *const words[] = { "if", "then", "else", "elif", "fi", "do", "done", "case", "esac",
		"while", "until", "for", "select", "function", "time", "coproc", "{", "}", "!", "[[" };
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strlen(words[i]) == len && memcmp(words[i], word, len) == 0)
			return true;
	}
	return false;
}

bool value_line_is_plain(const char *line)
{
	line += strspn(line, " \t");
	if (is_reserved(line, strcspn(line, " \t")))
		return false;
	struct expansion x = { .dry = true };
	enum value_result r = expand_text(&x, line, strlen(line), false);
	buffer_cleanup(&x.out);
	size_t len = strlen(line);
	return r == VALUE_OK && !x.needs_shell && (len == 0 || line[len - 1] != '\\');
}
