/* layer/tar_pax.c - extended headers: "LENGTH KEY=VALUE\n" records */
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "layer/tar_private.h"

struct record {
	char *key; /* NUL-terminated in place of the '=' */
	char *value;
	size_t value_len;
};

void tar_pax_reset(struct tar_pax *pax)
{
	*pax = (struct tar_pax){
		.text = { pax->text.data, 0, pax->text.capacity },
		.xattrs = pax->xattrs,
		.xattr_capacity = pax->xattr_capacity,
		.sparse = { pax->sparse.map, 0, pax->sparse.capacity },
	};
}

void tar_pax_cleanup(struct tar_pax *pax)
{
	buffer_cleanup(&pax->text);
	free(pax->xattrs);
	free(pax->sparse.map);
}

static int bad_value(const struct record *r, struct error *err)
{
	return error_set(err, EBADMSG, "pax header: bad value of %s", r->key);
}

/* A path may not hold a NUL: the other half would be invisible to C programs. */
static int set_text(const struct record *r, const char **text, size_t *len, struct error *err)
{
	if (memchr(r->value, '\0', r->value_len) != NULL)
		return error_set(err, EBADMSG, "pax header: %s holds a NUL", r->key);
	*text = r->value_len != 0 ? r->value : NULL; /* an empty value unsets (POSIX) */
	*len = r->value_len;
	return 0;
}

static int set_path(struct tar_pax *pax, const struct record *r, struct error *err)
{
	return set_text(r, &pax->path, &pax->path_len, err);
}

static int set_link(struct tar_pax *pax, const struct record *r, struct error *err)
{
	return set_text(r, &pax->link, &pax->link_len, err);
}

static int set_size(struct tar_pax *pax, const struct record *r, struct error *err)
{
	pax->has_size = r->value_len != 0;
	if (pax->has_size &&
		(tar_decimal(r->value, r->value_len, &pax->size) < 0 || pax->size > TAR_SIZE_MAX))
		return bad_value(r, err);
	return 0;
}

/* Seconds, maybe negative, maybe with a fraction, which is dropped. */
static int set_mtime(struct tar_pax *pax, const struct record *r, struct error *err)
{
	bool negative = r->value_len > 0 && r->value[0] == '-';
	const char *s = r->value + negative, *end = r->value + r->value_len;
	const char *dot = memchr(s, '.', (size_t)(end - s));
	uint64_t seconds;
	pax->has_mtime = r->value_len != 0;
	if (!pax->has_mtime)
		return 0;
	if (tar_decimal(s, (size_t)((dot != NULL ? dot : end) - s), &seconds) < 0)
		return bad_value(r, err);
	for (const char *c = dot != NULL ? dot + 1 : end; c < end; c++)
		if (*c < '0' || *c > '9')
			return bad_value(r, err);
	pax->mtime = negative ? 0 : (uint32_t)MIN(seconds, UINT32_MAX);
	return 0;
}

static int set_xattr(struct tar_pax *pax, const struct record *r, const char *name, struct error *err)
{
	if (*name == '\0')
		return error_set(err, EBADMSG, "pax header: an extended attribute without a name");
	size_t i = 0;
	while (i < pax->xattr_count && !str_eq(pax->xattrs[i].name, name))
		i++; /* a later record replaces an earlier one */
	if (i == pax->xattr_count) {
		if (i >= 1024)
			return error_set(err, EFBIG, "pax header: more than 1024 extended attributes");
		grow_array(&pax->xattrs, &pax->xattr_capacity, ++pax->xattr_count);
	}
	pax->xattrs[i] = (struct tree_xattr){ name, r->value, (uint32_t)r->value_len };
	return 0;
}

static int set_sparse_number(struct tar_pax *pax, const struct record *r, struct error *err)
{
	static const struct {
		const char *key;
		size_t offset;
	} numbers[] = {
		{ "GNU.sparse.major", offsetof(struct tar_pax, major) },
		{ "GNU.sparse.minor", offsetof(struct tar_pax, minor) },
		{ "GNU.sparse.size", offsetof(struct tar_pax, real_size) },
		{ "GNU.sparse.realsize", offsetof(struct tar_pax, real_size) },
	};
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (!str_eq(r->key, numbers[i].key))
			continue;
		if (tar_decimal(r->value, r->value_len, (uint64_t *)((char *)pax + numbers[i].offset)) < 0)
			return bad_value(r, err);
		pax->has_real_size |= numbers[i].offset == offsetof(struct tar_pax, real_size);
		return 0;
	}
	return 0; /* GNU.sparse.numblocks: the map itself is counted */
}

/* Format 0.0: pairs of records. */
static int set_sparse_pair(struct tar_pax *pax, const struct record *r, struct error *err)
{
	uint64_t value;
	bool is_offset = str_eq(r->key, "GNU.sparse.offset");
	if (is_offset == pax->pending_offset || tar_decimal(r->value, r->value_len, &value) < 0)
		return bad_value(r, err);
	pax->pending_offset = is_offset;
	if (is_offset)
		return tar_sparse_add(&pax->sparse, value, 0, err);
	pax->sparse.map[pax->sparse.count - 1].len = value;
	return 0;
}

/* Format 0.1: "offset,length,offset,length…" */
static int set_sparse_map(struct tar_pax *pax, const struct record *r, struct error *err)
{
	const char *s = r->value, *end = s + r->value_len;
	uint64_t value[2];
	pax->sparse.count = 0;
	while (s < end) {
		for (int i = 0; i < 2; i++) {
			const char *comma = s < end ? memchr(s, ',', (size_t)(end - s)) : NULL;
			if (s >= end ||
				tar_decimal(s, (size_t)((comma != NULL ? comma : end) - s), &value[i]) < 0)
				return bad_value(r, err);
			s = comma != NULL ? comma + 1 : end;
		}
		if (tar_sparse_add(&pax->sparse, value[0], value[1], err) < 0)
			return -1;
	}
	return 0;
}

static int set_sparse(struct tar_pax *pax, const struct record *r, struct error *err)
{
	pax->is_sparse = true;
	if (str_eq(r->key, "GNU.sparse.name"))
		return set_text(r, &pax->sparse_name, &pax->sparse_name_len, err);
	if (str_eq(r->key, "GNU.sparse.map"))
		return set_sparse_map(pax, r, err);
	if (str_eq(r->key, "GNU.sparse.offset") || str_eq(r->key, "GNU.sparse.numbytes"))
		return set_sparse_pair(pax, r, err);
	return set_sparse_number(pax, r, err);
}

static int set_value(struct tar_pax *pax, const struct record *r, struct error *err)
{
	static const char xattr[] = "SCHILY.xattr.";
	static const struct {
		const char *key;
		int (*set)(struct tar_pax *pax, const struct record *r, struct error *err);
	} keys[] = {
		{ "path", set_path },
		{ "linkpath", set_link },
		{ "size", set_size },
		{ "mtime", set_mtime },
	};
	if (str_starts_with(r->key, xattr))
		return set_xattr(pax, r, r->key + strlen(xattr), err);
	if (str_starts_with(r->key, "GNU.sparse."))
		return set_sparse(pax, r, err);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (str_eq(r->key, keys[i].key))
			return keys[i].set(pax, r, err);
	return 0; /* owners, other times, comments, hdrcharset: names are bytes here */
}

/* Cut the record at *AT off the text. */
static int next_record(char **at, char *end, struct record *r, struct error *err)
{
	uint64_t len;
	char *start = *at, *blank = memchr(start, ' ', (size_t)(end - start));
	if (blank == NULL || tar_decimal(start, (size_t)(blank - start), &len) < 0 ||
		len > (uint64_t)(end - start) || len < (uint64_t)(blank - start) + 2 ||
		start[len - 1] != '\n')
		return error_set(err, EBADMSG, "pax header: wrong record length");
	char *key = blank + 1, *last = start + len - 1;
	char *equals = memchr(key, '=', (size_t)(last - key));
	if (equals == NULL || equals == key || memchr(key, '\0', (size_t)(equals - key)) != NULL)
		return error_set(err, EBADMSG, "pax header: a record without a key");
	*equals = '\0';
	*r = (struct record){ key, equals + 1, (size_t)(last - equals - 1) };
	*at = start + len;
	return 0;
}

int tar_pax_parse(struct tar_pax *pax, struct error *err)
{
	char *at = pax->text.data, *end = pax->text.len != 0 ? at + pax->text.len : at;
	while (at != end) {
		struct record r;
		if (next_record(&at, end, &r, err) < 0 || set_value(pax, &r, err) < 0)
			return -1;
	}
	if (pax->pending_offset)
		return error_set(err, EBADMSG, "pax header: GNU.sparse.offset without GNU.sparse.numbytes");
	return 0;
}
