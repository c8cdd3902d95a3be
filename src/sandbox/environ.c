#include "sandbox/environ.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"

#define LITERAL_BEGIN "# enroot-literal-begin"
#define LITERAL_END   "# enroot-literal-end"

/* A piece of a text, not NUL-terminated. */
struct span {
	const char *p;
	size_t len;
};

static bool span_is(struct span s, const char *text)
{
	return s.len == strlen(text) && memcmp(s.p, text, s.len) == 0;
}

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

bool environ_key_is_valid(const char *key, size_t len)
{
	if (len == 0 || isdigit((unsigned char)key[0]))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)key[i]) && key[i] != '_')
			return false;
	}
	return true;
}

static bool key_is_ours(const char *key, size_t len)
{
	return len >= 7 && memcmp(key, "ENROOT_", 7) == 0;
}

const char *environ_lookup(char *const *list, const char *key, size_t len)
{
	for (; list != NULL && *list != NULL; list++) {
		if (strncmp(*list, key, len) == 0 && (*list)[len] == '=')
			return *list + len + 1;
	}
	return NULL;
}

/* The length of "${VAR}" at S, or 0. */
static size_t reference_length(const char *s, size_t len)
{
	if (len < 4 || s[0] != '$' || s[1] != '{')
		return 0;
	const char *end = memchr(s, '}', len);
	if (end == NULL || !environ_key_is_valid(s + 2, (size_t)(end - s - 2)))
		return 0;
	return (size_t)(end - s) + 1;
}

char *environ_expand(const char *text, size_t len, char *const *host)
{
	struct buffer out = BUFFER_INIT;
	for (size_t i = 0; i < len;) {
		const char *dollar = memchr(text + i, '$', len - i);
		size_t plain = dollar != NULL ? (size_t)(dollar - text) - i : len - i;
		buffer_append(&out, text + i, plain);
		i += plain;
		if (i == len)
			break;
		size_t n = reference_length(text + i, len - i);
		if (n == 0) {
			buffer_putc(&out, text[i++]);
			continue;
		}
		const char *value = environ_lookup(host, text + i + 2, n - 3);
		if (value != NULL)
			buffer_puts(&out, value);
		i += n;
	}
	return buffer_steal(&out);
}

static bool is_quote(char c)
{
	return c == '"' || c == '\'';
}

/* A quote of either kind at each end goes, and the blanks behind the last one. */
static struct span unquote(struct span v)
{
	size_t end = v.len;
	while (end > 0 && is_blank(v.p[end - 1]))
		end--;
	if (end < 2 || !is_quote(v.p[0]) || !is_quote(v.p[end - 1]))
		return v;
	return (struct span){ v.p + 1, end - 2 };
}

enum style { STYLE_FILE, STYLE_LITERAL, STYLE_OUTPUT };

/* Append the entry of one line, if it is one. Entries may repeat a key until settle(). */
static void take_line(struct strv *env, struct span line, enum style style, char *const *host)
{
	while (style != STYLE_LITERAL && line.len > 0 && is_blank(*line.p)) {
		line.p++;
		line.len--;
	}
	const char *equals = line.len > 0 ? memchr(line.p, '=', line.len) : NULL;
	if (equals == NULL || memchr(line.p, '\0', line.len) != NULL)
		return;
	size_t key_len = (size_t)(equals - line.p);
	if (!environ_key_is_valid(line.p, key_len) || key_is_ours(line.p, key_len))
		return;
	struct span value = { equals + 1, line.len - key_len - 1 };
	if (style != STYLE_LITERAL)
		value = unquote(value);
	_cleanup_free_ char *expanded = NULL;
	if (style == STYLE_FILE)
		expanded = environ_expand(value.p, value.len, host);
	else
		expanded = xstrndup(value.p, value.len);
	if (strchr(expanded, '\n') != NULL) {
		log_warn("Ignoring %.*s: its value has more than one line", (int)key_len, line.p);
		return;
	}
	strv_push_owned(env, xasprintf("%.*s=%s", (int)key_len, line.p, expanded));
}

struct indexed {
	char *entry;
	size_t index;
};

static int compare_keys(const void *a, const void *b)
{
	const struct indexed *x = a, *y = b;
	size_t n = strcspn(x->entry, "="), m = strcspn(y->entry, "=");
	int r = memcmp(x->entry, y->entry, MIN(n, m));
	if (r == 0 && n != m)
		r = n < m ? -1 : 1;
	if (r == 0)
		r = x->index < y->index ? -1 : 1;
	return r;
}

static bool same_key(const char *a, const char *b)
{
	size_t n = strcspn(a, "=");
	return strncmp(a, b, n) == 0 && b[n] == '=';
}

/* Keep the last entry of each key (sorting: a hostile file may have a hundred thousand lines). */
static void settle(struct strv *env)
{
	if (env->count < 2)
		return;
	_cleanup_free_ struct indexed *list = xreallocarray(NULL, env->count, sizeof(*list));
	for (size_t i = 0; i < env->count; i++)
		list[i] = (struct indexed){ env->items[i], i };
	qsort(list, env->count, sizeof(*list), compare_keys);
	for (size_t i = 0; i + 1 < env->count; i++) {
		if (same_key(list[i].entry, list[i + 1].entry)) {
			free(env->items[list[i].index]);
			env->items[list[i].index] = NULL;
		}
	}
	size_t kept = 0;
	for (size_t i = 0; i < env->count; i++) {
		if (env->items[i] != NULL)
			env->items[kept++] = env->items[i];
	}
	env->items[kept] = NULL;
	env->count = kept;
}

/*
 * The length of what stands at TEXT if that is a variable of HOST whose value has newlines, as env(1) prints it, or
 * 0. Its further lines would be taken for variables of their own.
 */
static size_t folded_length(const char *text, size_t len, char *const *host)
{
	const char *end = memchr(text, '\n', len);
	const char *equals = end != NULL ? memchr(text, '=', (size_t)(end - text)) : NULL;
	if (equals == NULL || host == NULL)
		return 0;
	const char *value = environ_lookup(host, text, (size_t)(equals - text));
	size_t key_len = (size_t)(equals + 1 - text), value_len = value != NULL ? strlen(value) : 0;
	if (value == NULL || strchr(value, '\n') == NULL || len - key_len < value_len ||
		memcmp(equals + 1, value, value_len) != 0)
		return 0;
	size_t total = key_len + value_len;
	return total == len || text[total] == '\n' ? total : 0;
}

static void take_text(struct strv *env, const char *text, size_t len, enum style style, char *const *host)
{
	bool is_file = style == STYLE_FILE;
	for (size_t at = 0; at < len;) {
		const char *end = memchr(text + at, '\n', len - at);
		struct span line = { text + at, end != NULL ? (size_t)(end - text) - at : len - at };
		size_t folded = style == STYLE_OUTPUT ? folded_length(text + at, len - at, host) : 0;
		if (folded > 0) {
			size_t key_len = strcspn(line.p, "=");
			if (environ_key_is_valid(line.p, key_len)) /* no function of bash */
				log_warn("Ignoring %.*s: its value has more than one line", (int)key_len,
					line.p);
			at += folded + 1;
			continue;
		}
		if (is_file && span_is(line, LITERAL_BEGIN))
			style = STYLE_LITERAL;
		else if (is_file && span_is(line, LITERAL_END))
			style = STYLE_FILE;
		else
			take_line(env, line, style, host);
		at += line.len + 1;
	}
	settle(env);
}

void environ_parse_file(struct strv *env, const char *text, size_t len, char *const *host)
{
	take_text(env, text, len, STYLE_FILE, host);
}

void environ_parse_output(struct strv *env, const char *text, size_t len, char *const *host)
{
	take_text(env, text, len, STYLE_OUTPUT, host);
}

int environ_load(struct strv *env, int fd, const char *name, char *const *host, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	if (fd_read_all(fd, ENVIRON_MAX_BYTES, &text, &len) < 0)
		return error_errno(err, "cannot read %s", name);
	environ_parse_file(env, text, len, host);
	return 0;
}

int environ_add_option(struct strv *env, const char *option, char *const *host, struct error *err)
{
	size_t key_len = strcspn(option, "=");
	if (!environ_key_is_valid(option, key_len))
		return error_set(err, EINVAL, "Invalid argument: %s", option);
	if (key_is_ours(option, key_len))
		return 0;
	struct span value = { "", 0 };
	if (option[key_len] == '=') {
		value = unquote((struct span){ option + key_len + 1, strlen(option + key_len + 1) });
	} else {
		const char *text = environ_lookup(host, option, key_len);
		if (text != NULL)
			value = (struct span){ text, strlen(text) };
	}
	if (value.len > 0 && memchr(value.p, '\n', value.len) != NULL) {
		log_warn("Ignoring %.*s: its value has more than one line", (int)key_len, option);
		return 0;
	}
	_cleanup_free_ char *key = xstrndup(option, key_len);
	_cleanup_free_ char *text = xstrndup(value.p, value.len);
	strv_env_set(env, key, text);
	return 0;
}

char *environ_format(const struct strv *env)
{
	struct buffer out = BUFFER_INIT;
	for (size_t i = 0; i < env->count; i++) {
		buffer_puts(&out, env->items[i]);
		buffer_putc(&out, '\n');
	}
	return buffer_steal(&out);
}
