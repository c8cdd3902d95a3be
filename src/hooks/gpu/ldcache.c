#include "hooks/gpu/ldcache.h"

#include <errno.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"

#define OLD_MAGIC  "ld.so-1.7.0"
#define OLD_HEADER 16u
#define OLD_ENTRY  12u
#define MAGIC      "glibc-ld.so.cache1.1"

/* "extensions": sections behind the texts, found by an offset in the header */
#define EXTENSION_MAGIC  0xeaa42174u
#define SECTION_HWCAPS   1u
#define HWCAP_EXTENSION  (1ull << 62) /* .hwcap is an index into that section */
#define HWCAP_INDEX_MASK 0xffffffffull
#define MAX_SECTIONS     64u
#define MAX_HWCAPS       256u
#define MAX_TEXT         4096u                      /* of a path, PATH_MAX */
#define MAX_TEXTS        (4ull * LDCACHE_MAX_BYTES) /* entries may share them, and each gets a copy */

#define READ_RANK (1u << 30) /* and more: what was read; below: what was added */

struct header {
	char magic[20];
	uint32_t count, text_bytes;
	uint8_t flags, padding[3];
	uint32_t extensions, unused[3];
};

struct raw_entry {
	uint32_t flags, name, path, os_version;
	uint64_t hwcap;
};

struct section {
	uint32_t tag, flags, offset, size;
};

_Static_assert(sizeof(struct header) == 48 && sizeof(struct raw_entry) == 24, "as glibc has it");

static void entry_cleanup(struct ldcache_entry *e)
{
	free(e->name);
	free(e->path);
	free(e->subdirectory);
}

void ldcache_cleanup(struct ldcache *c)
{
	for (size_t i = 0; i < c->count; i++)
		entry_cleanup(&c->entries[i]);
	free(c->entries);
	*c = LDCACHE_INIT;
}

/* Skip the cache of libc5's time in front. Offsets count from the new header. */
static const char *skip_old(const char *data, size_t *len)
{
	uint32_t count;
	if (*len < OLD_HEADER || memcmp(data, OLD_MAGIC, strlen(OLD_MAGIC)) != 0)
		return data;
	memcpy(&count, data + 12, sizeof(count));
	uint64_t skip = (OLD_HEADER + (uint64_t)count * OLD_ENTRY + 7) / 8 * 8;
	if (skip > *len)
		return NULL;
	*len -= skip;
	return data + skip;
}

static const char *text_at(const char *data, size_t len, uint32_t offset)
{
	if (offset >= len || memchr(data + offset, '\0', MIN(len - offset, MAX_TEXT)) == NULL)
		return NULL;
	return data + offset;
}

/* The names of the glibc-hwcaps folders. Returns how many. */
static uint32_t read_hwcaps(const char *data, size_t len, uint32_t at, const char **names)
{
	uint32_t head[2], count = 0;
	if (at == 0 || at % 4 != 0 || at > len || len - at < sizeof(head))
		return 0;
	memcpy(head, data + at, sizeof(head));
	if (head[0] != EXTENSION_MAGIC || head[1] > MAX_SECTIONS ||
		len - at - sizeof(head) < head[1] * sizeof(struct section))
		return 0;
	for (uint32_t i = 0; i < head[1]; i++) {
		struct section s;
		memcpy(&s, data + at + sizeof(head) + i * sizeof(s), sizeof(s));
		if (s.tag != SECTION_HWCAPS || s.offset > len || len - s.offset < s.size)
			continue;
		for (; count < MIN(s.size / 4, MAX_HWCAPS); count++) {
			uint32_t offset;
			memcpy(&offset, data + s.offset + count * 4, sizeof(offset));
			names[count] = text_at(data, len, offset);
		}
		break;
	}
	return count;
}

static void append(struct ldcache *c, const struct ldcache_entry *e)
{
	grow_array(&c->entries, &c->capacity, c->count + 1);
	c->entries[c->count++] = *e;
}

static int parse_entries(struct ldcache *c, const char *data, size_t len, const struct header *h)
{
	const char *hwcaps[MAX_HWCAPS];
	uint32_t n = read_hwcaps(data, len, h->extensions, hwcaps);
	uint64_t copied = 0;
	for (uint32_t i = 0; i < h->count; i++) {
		struct raw_entry raw;
		memcpy(&raw, data + sizeof(*h) + i * sizeof(raw), sizeof(raw));
		const char *name = text_at(data, len, raw.name), *path = text_at(data, len, raw.path);
		if (name == NULL || path == NULL || (copied += strlen(name) + strlen(path)) > MAX_TEXTS)
			return -1;
		struct ldcache_entry e = {
			.flags = raw.flags, .os_version = raw.os_version, .hwcap = raw.hwcap
		};
		if ((raw.hwcap & HWCAP_EXTENSION) != 0) {
			uint64_t index = raw.hwcap & HWCAP_INDEX_MASK;
			if (index >= n || hwcaps[index] == NULL)
				continue; /* of an extension that we do not know */
			e.subdirectory = xstrdup(hwcaps[index]);
			e.hwcap = 0;
		}
		e.name = xstrdup(name);
		e.path = xstrdup(path);
		e.rank = READ_RANK + i;
		append(c, &e);
	}
	return 0;
}

int ldcache_parse(struct ldcache *c, const char *data, size_t len, struct error *err)
{
	struct header h;
	_cleanup_ldcache_ struct ldcache new = LDCACHE_INIT;
	data = skip_old(data, &len);
	if (data == NULL || len < sizeof(h) || memcmp(data, MAGIC, strlen(MAGIC)) != 0)
		return error_set(err, EINVAL, "not a cache of the dynamic linker");
	memcpy(&h, data, sizeof(h));
	if (h.count > LDCACHE_MAX_ENTRIES || (len - sizeof(h)) / sizeof(struct raw_entry) < h.count ||
		parse_entries(&new, data, len, &h) < 0)
		return error_set(err, EINVAL, "a broken cache of the dynamic linker");
	for (size_t i = 0; i < new.count; i++)
		append(c, &new.entries[i]);
	new.count = 0;
	return 0;
}

static bool is_entry(const struct ldcache_entry *e, const char *name, const char *path, uint32_t flags)
{
	return e->subdirectory == NULL && e->flags == flags && str_eq(e->path, path) && str_eq(e->name, name);
}

void ldcache_add(struct ldcache *c, const char *name, const char *path, uint32_t flags)
{
	unsigned front = 0;
	size_t kept = 0;
	for (size_t i = 0; i < c->count; i++) {
		struct ldcache_entry *e = &c->entries[i];
		if (e->rank < READ_RANK)
			front = MAX(front, e->rank + 1);
		if (is_entry(e, name, path, flags))
			entry_cleanup(e);
		else
			c->entries[kept++] = *e;
	}
	c->count = kept;
	const struct ldcache_entry e = { xstrdup(name), xstrdup(path), NULL, flags, 0, 0, front };
	append(c, &e);
}

const char *ldcache_find(const struct ldcache *c, const char *name, uint32_t flags)
{
	const struct ldcache_entry *best = NULL;
	for (size_t i = 0; i < c->count; i++) {
		const struct ldcache_entry *e = &c->entries[i];
		if (e->flags == flags && e->subdirectory == NULL && str_eq(e->name, name) &&
			(best == NULL || e->rank < best->rank))
			best = e;
	}
	return best != NULL ? best->path : NULL;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* How the dynamic linker orders names: runs of digits are numbers, and larger than anything else. */
static int compare_names(const char *a, const char *b)
{
	while (*a != '\0') {
		if (is_digit(*a) && is_digit(*b)) {
			int x = 0, y = 0;
			while (is_digit(*a))
				x = (int)((unsigned)x * 10 + (unsigned)(*a++ - '0'));
			while (is_digit(*b))
				y = (int)((unsigned)y * 10 + (unsigned)(*b++ - '0'));
			if (x != y)
				return x < y ? -1 : 1;
		} else if (is_digit(*a) != is_digit(*b)) {
			return is_digit(*a) ? 1 : -1;
		} else if (*a != *b) {
			return (signed char)*a - (signed char)*b;
		} else {
			a++;
			b++;
		}
	}
	return *b == '\0' ? 0 : -1;
}

static int compare_entries(const void *left, const void *right)
{
	const struct ldcache_entry *a = left, *b = right;
	int r = -compare_names(a->name, b->name); /* the largest first */
	if (r == 0)
		r = a->flags < b->flags ? 1 : -(a->flags > b->flags);
	/* Those for better processors come before the plain one. */
	if (r == 0)
		r = (b->subdirectory != NULL) - (a->subdirectory != NULL);
	if (r == 0)
		r = a->rank < b->rank ? -1 : a->rank > b->rank;
	return r;
}

static uint32_t put_text(struct buffer *texts, size_t base, const char *text)
{
	uint32_t at = (uint32_t)(base + texts->len);
	buffer_append(texts, text, strlen(text) + 1);
	return at;
}

/* The index of a hwcaps folder, adding it. */
static unsigned put_hwcap(const char **names, unsigned *count, const char *name)
{
	for (unsigned i = 0; i < *count; i++) {
		if (str_eq(names[i], name))
			return i;
	}
	if (*count == MAX_HWCAPS) /* cannot be: that many were read */
		return 0;
	names[*count] = name;
	return (*count)++;
}

static void put_extensions(struct buffer *out, const char *const *names, unsigned count)
{
	struct buffer texts _cleanup_buffer_ = BUFFER_INIT;
	uint32_t at = (uint32_t)out->len, head[2] = { EXTENSION_MAGIC, 1 };
	struct section s = { SECTION_HWCAPS, 0, at + (uint32_t)(sizeof(head) + sizeof(s)), count * 4 };
	buffer_append(out, head, sizeof(head));
	buffer_append(out, &s, sizeof(s));
	for (unsigned i = 0; i < count; i++) {
		uint32_t text = put_text(&texts, s.offset + s.size, names[i]);
		buffer_append(out, &text, sizeof(text));
	}
	buffer_append(out, texts.data, texts.len);
	memcpy(out->data + offsetof(struct header, extensions), &at, sizeof(at));
}

char *ldcache_format(struct ldcache *c, size_t *len)
{
	struct buffer out _cleanup_buffer_ = BUFFER_INIT, texts _cleanup_buffer_ = BUFFER_INIT;
	const char *hwcaps[MAX_HWCAPS];
	unsigned n = 0;
	size_t base = sizeof(struct header) + c->count * sizeof(struct raw_entry);
	struct header h = { .count = (uint32_t)c->count };
	memcpy(h.magic, MAGIC, sizeof(h.magic));
	h.flags = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 2 : 3;

	if (c->count > 0)
		qsort(c->entries, c->count, sizeof(*c->entries), compare_entries);
	buffer_append(&out, &h, sizeof(h));
	for (size_t i = 0; i < c->count; i++) {
		const struct ldcache_entry *e = &c->entries[i];
		struct raw_entry raw = { .flags = e->flags, .os_version = e->os_version, .hwcap = e->hwcap };
		raw.name = put_text(&texts, base, e->name);
		raw.path = put_text(&texts, base, e->path);
		if (e->subdirectory != NULL)
			raw.hwcap = HWCAP_EXTENSION | put_hwcap(hwcaps, &n, e->subdirectory);
		buffer_append(&out, &raw, sizeof(raw));
	}
	while ((base + texts.len) % 4 != 0)
		buffer_putc(&texts, '\0');
	buffer_append(&out, texts.data, texts.len);
	h.text_bytes = (uint32_t)texts.len;
	memcpy(out.data + offsetof(struct header, text_bytes), &h.text_bytes, sizeof(h.text_bytes));
	if (n > 0)
		put_extensions(&out, hwcaps, n);
	*len = out.len;
	return buffer_steal(&out);
}
