#include "sandbox/fstab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "base/buffer.h"
#include "base/fd.h"
#include "base/memory.h"
#include "base/str.h"
#include "base/strv.h"
#include "sandbox/environ.h"
#include "sandbox/fstab-options.h"

#define ROOTFS_VARIABLE "${ENROOT_ROOTFS}"

enum { FIELD_SOURCE, FIELD_TARGET, FIELD_TYPE, FIELD_OPTIONS, FIELD_FREQ, FIELD_PASS, FIELD_COUNT };

static void entry_cleanup(struct fstab_entry *e)
{
	free(e->source);
	free(e->target);
	free(e->type);
	free(e->data);
	free(e->where);
}

void fstab_cleanup(struct fstab *t)
{
	for (size_t i = 0; i < t->count; i++)
		entry_cleanup(&t->entries[i]);
	free(t->entries);
	*t = FSTAB_INIT;
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* Decode \ooo and \\ in place (fstab(5), getmntent(3)). "\000" stays as it is. */
static void decode(char *s)
{
	char *out = s;
	while (*s != '\0') {
		if (s[0] == '\\' && s[1] == '\\') {
			*out++ = '\\';
			s += 2;
		} else if (s[0] == '\\' && is_octal(s[1]) && s[1] <= '3' && is_octal(s[2]) &&
			   is_octal(s[3]) && strncmp(s + 1, "000", 3) != 0) {
			*out++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*out++ = *s++;
		}
	}
	*out = '\0';
}

/* "-1", "0", "2"… */
static bool parse_pass(const char *text, int *pass)
{
	uint64_t n;
	bool negative = *text == '-';
	if (!str_parse_u64(text + negative, &n) || n > 1000000)
		return false;
	*pass = negative ? -(int)n : (int)n;
	return true;
}

/* The third field of three. */
static bool is_option_list(const char *word)
{
	return strchr(word, ',') != NULL || fstab_option_is_known(word, strlen(word));
}

/* The second field of two: here only what cannot be meant as a path. */
static bool is_plainly_options(const char *word)
{
	return *word != '/' && fstab_option_is_known(word, strcspn(word, ","));
}

/* Fill in what a line of COUNT fields left out. */
static int guess(struct fstab_entry *e, char *const *fields, size_t count, struct error *err)
{
	const char *source = fields[FIELD_SOURCE], *target = source, *type = NULL, *options = NULL;
	if (count == 2 && is_plainly_options(fields[1]))
		options = fields[1];
	else if (count >= 2)
		target = fields[FIELD_TARGET];
	if (count == 3 && is_option_list(fields[2]))
		options = fields[2];
	else if (count >= 3)
		type = fields[FIELD_TYPE];
	if (count >= 4)
		options = fields[FIELD_OPTIONS];
	if (type == NULL)
		type = str_eq(source, "tmpfs") ? "tmpfs" : "none";
	if (options == NULL)
		options = str_eq(type, "none") ? "rbind,x-create=auto" : "";
	const char *pass = count == 5 ? fields[FIELD_FREQ] : count >= 6 ? fields[FIELD_PASS] : "0";
	if (!parse_pass(pass, &e->pass))
		return error_set(err, EINVAL, "%s is not a pass number: Invalid argument", pass);

	e->source = xstrdup(source);
	e->target = xstrdup(target);
	e->type = xstrdup(type);
	fstab_options_apply(e, options);
	return 0;
}

/*
 * Take over an entry from its fields. A source that is spelled ${ENROOT_ROOTFS}/… is an image's own (the volumes
 * of an import): it is kept relative to the root filesystem, since its components may be symlinks.
 */
static int add_entry(struct fstab *t, char *const *fields, size_t count, bool in_root, const char *where,
	struct error *err)
{
	struct fstab_entry e = { .where = xstrdup(where), .source_in_root = in_root };
	if (guess(&e, fields, count, err) < 0) {
		entry_cleanup(&e);
		return error_prefix(err, "%s", where);
	}
	grow_array(&t->entries, &t->capacity, t->count + 1);
	t->entries[t->count++] = e;
	return 0;
}

/* Is RAW below the root filesystem by its spelling? */
static bool is_in_root(const char *raw, size_t len)
{
	size_t n = strlen(ROOTFS_VARIABLE);
	return len >= n && memcmp(raw, ROOTFS_VARIABLE, n) == 0 && (len == n || raw[n] == '/');
}

/*
 * Expand and decode one raw field. Decoding comes last: import writes a "$" in a volume's path as \044. NULL: an
 * unset variable left nothing, as if the word were not there.
 */
static char *take_field(const char *raw, size_t len, bool in_root, char *const *host)
{
	if (in_root) {
		raw += strlen(ROOTFS_VARIABLE);
		len -= strlen(ROOTFS_VARIABLE);
	}
	_cleanup_free_ char *field = host != NULL ? environ_expand(raw, len, host) : xstrndup(raw, len);
	decode(field);
	if (*field == '\0')
		return in_root ? xstrdup("/") : NULL;
	return steal_pointer(&field);
}

static int parse_line(struct fstab *t, const char *line, size_t len, const char *where, char *const *host,
	struct error *err)
{
	_cleanup_strv_ struct strv fields = STRV_INIT;
	bool source_in_root = false;
	if (memchr(line, '\0', len) != NULL)
		return error_set(err, EINVAL, "%s: a NUL byte: Invalid argument", where);
	const char *end = line + len;
	while (line < end && fields.count < FIELD_COUNT) {
		size_t n = 0;
		while (line + n < end && line[n] != ' ' && line[n] != '\t')
			n++;
		bool in_root = host != NULL && fields.count == FIELD_SOURCE && is_in_root(line, n);
		char *field = take_field(line, n, in_root, host);
		if (field != NULL) {
			strv_push_owned(&fields, field);
			source_in_root |= in_root;
		}
		line += n + 1;
	}
	if (fields.count == 0)
		return 0;
	return add_entry(t, fields.items, fields.count, source_in_root, where, err);
}

int fstab_parse(
	struct fstab *t, const char *text, size_t len, const char *name, char *const *host, struct error *err)
{
	unsigned number = 1;
	for (size_t at = 0; at < len; number++) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t n = end != NULL ? (size_t)(end - text) - at : len - at;
		size_t blanks = 0;
		while (blanks < n && (text[at + blanks] == ' ' || text[at + blanks] == '\t'))
			blanks++;
		if (blanks < n && text[at + blanks] != '#') {
			_cleanup_free_ char *where = xasprintf("%s:%u", name, number);
			if (parse_line(t, text + at, n, where, host, err) < 0)
				return -1;
		}
		at += n + 1;
	}
	return 0;
}

int fstab_load(struct fstab *t, int fd, const char *name, char *const *host, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	if (fd_read_all(fd, FSTAB_MAX_BYTES, &text, &len) < 0)
		return error_errno(err, "cannot read %s", name);
	return fstab_parse(t, text, len, name, host, err);
}

int fstab_add_option(struct fstab *t, const char *option, struct error *err)
{
	if (strpbrk(option, " \t\n") != NULL || option[strspn(option, ":")] == '\0')
		return error_set(err, EINVAL, "Invalid argument: %s", option);
	_cleanup_free_ char *line = xstrdup(option);
	for (char *p = line; *p != '\0'; p++) {
		if (*p == ':')
			*p = ' ';
	}
	_cleanup_free_ char *where = xasprintf("--mount %s", option);
	return parse_line(t, line, strlen(line), where, NULL, err);
}

int fstab_add(struct fstab *t, const char *where, const char *source, const char *target, const char *type,
	const char *options, struct error *err)
{
	char *fields[] = { (char *)source, (char *)target, (char *)type, (char *)options };
	return add_entry(t, fields, ARRAY_SIZE(fields), false, where, err);
}
