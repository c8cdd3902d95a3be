#include "source/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/str.h"
#include "source/input.h"

#define BLOCK        512
#define MEMBERS_MAX  100000
#define NAME_LEN_MAX 4096
#define EXTRA_MAX    65536 /* bytes of a pax header */
#define LINKS_MAX    8

struct member {
	char *name, *link; /* LINK: of a symbolic or hard link, else NULL */
	uint64_t start, size;
	bool is_symlink;
};

struct archive {
	int fd;
	char *path;
	uint64_t size;
	struct member *members;
	size_t count, capacity;
};

/* POSIX.1-1988 ustar, and what GNU tar and pax put in front of an entry. */
struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100], magic[8],
		uname[32], gname[32], major[8], minor[8], prefix[155], padding[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a tar header is one block");

/* What extension headers said about the next entry. */
struct extension {
	char *name, *link;
	uint64_t size;
	bool has_size;
};

static void extension_cleanup(struct extension *e)
{
	free(e->name);
	free(e->link);
	*e = (struct extension){ 0 };
}

void archive_free(struct archive *a)
{
	if (a == NULL)
		return;
	for (size_t i = 0; i < a->count; i++) {
		free(a->members[i].name);
		free(a->members[i].link);
	}
	free(a->members);
	free(a->path);
	if (a->fd >= 0)
		close(a->fd);
	free(a);
}

/* Octal text, or base-256 where the first bit is set. */
static bool parse_number(const char *field, size_t len, uint64_t *value)
{
	*value = 0;
	if ((unsigned char)field[0] == 0x80) {
		for (size_t i = 1; i < len; i++) {
			if (*value > UINT64_MAX >> 8)
				return false;
			*value = *value << 8 | (unsigned char)field[i];
		}
		return true;
	}
	size_t i = 0;
	while (i < len && field[i] == ' ')
		i++;
	for (; i < len && field[i] >= '0' && field[i] <= '7'; i++)
		*value = *value << 3 | (uint64_t)(field[i] - '0');
	return i == len || field[i] == ' ' || field[i] == '\0';
}

static bool is_checksum_right(const struct header *h)
{
	const unsigned char *bytes = (const unsigned char *)h;
	uint64_t said, sum = 0;
	for (size_t i = 0; i < BLOCK; i++)
		sum += i >= 148 && i < 156 ? ' ' : bytes[i];
	return parse_number(h->checksum, sizeof(h->checksum), &said) && said == sum;
}

static int read_extra(struct archive *a, uint64_t at, uint64_t size, char **text, struct error *err)
{
	if (size > EXTRA_MAX)
		return error_set(
			err, EFBIG, "%s has an extended header of more than %d bytes", a->path, EXTRA_MAX);
	*text = xcalloc((size_t)size + 1, 1);
	if (fd_pread_full(a->fd, *text, (size_t)size, at) == (ssize_t)size)
		return 0;
	free(steal_pointer(text));
	return error_set(err, EINVAL, "%s is cut short", a->path);
}

/* "LENGTH KEY=VALUE\n" again and again. */
static void parse_pax(struct extension *e, char *text, uint64_t size)
{
	char *p = text, *end = text + size;
	while (p < end) {
		char *key;
		unsigned long len = strtoul(p, &key, 10);
		if (key == p || *key != ' ' || len < 4 || len > (unsigned long)(end - p) ||
			p[len - 1] != '\n')
			return;
		p[len - 1] = '\0';
		key++;
		char *value = strchr(key, '=');
		p += len;
		if (value == NULL)
			continue;
		*value++ = '\0';
		if (str_eq(key, "path")) {
			free(e->name);
			e->name = xstrdup(value);
		} else if (str_eq(key, "linkpath")) {
			free(e->link);
			e->link = xstrdup(value);
		} else if (str_eq(key, "size")) {
			e->has_size = str_parse_u64(value, &e->size);
		}
	}
}

/* "./a//b/" → "a/b"; the caller owns it. */
static char *clean_name(const char *name)
{
	while (*name == '/' || (name[0] == '.' && name[1] == '/'))
		name++;
	char *clean = xstrdup(name);
	size_t len = strlen(clean);
	while (len > 0 && clean[len - 1] == '/')
		clean[--len] = '\0';
	return clean;
}

static char *header_name(const struct header *h)
{
	bool has_prefix = memcmp(h->magic, "ustar\0", 6) == 0 && h->prefix[0] != '\0';
	if (has_prefix)
		return xasprintf(
			"%.*s/%.*s", (int)sizeof(h->prefix), h->prefix, (int)sizeof(h->name), h->name);
	return xstrndup(h->name, sizeof(h->name));
}

static int add_member(struct archive *a, const struct header *h, struct extension *e, uint64_t at,
	uint64_t size, struct error *err)
{
	bool is_file = h->type == '0' || h->type == '\0' || h->type == '7';
	bool is_link = h->type == '1' || h->type == '2';
	if (!is_file && !is_link)
		return 0;
	if (a->count == MEMBERS_MAX)
		return error_set(err, EFBIG, "%s has more than %d members", a->path, MEMBERS_MAX);
	_cleanup_free_ char *plain = e->name != NULL ? xstrdup(e->name) : header_name(h);
	if (strlen(plain) > NAME_LEN_MAX)
		return error_set(err, ENAMETOOLONG, "%s has a member with a name of more than %d bytes",
			a->path, NAME_LEN_MAX);
	grow_array(&a->members, &a->capacity, a->count + 1);
	struct member *m = &a->members[a->count++];
	*m = (struct member){
		.name = clean_name(plain), .start = at, .size = size, .is_symlink = h->type == '2'
	};
	if (is_link)
		m->link = e->link != NULL ? xstrdup(e->link) : xstrndup(h->link, sizeof(h->link));
	return 0;
}

/* What follows a header: an extension of the next one, or an entry's data. */
static int take_entry(struct archive *a, const struct header *h, struct extension *e, uint64_t at,
	uint64_t size, struct error *err)
{
	char *text;
	if (h->type != 'x' && h->type != 'L' && h->type != 'K') {
		int r = h->type == 'g' ? 0 : add_member(a, h, e, at, size, err);
		if (h->type != 'g')
			extension_cleanup(e);
		return r;
	}
	if (read_extra(a, at, size, &text, err) < 0)
		return -1;
	if (h->type == 'x') {
		parse_pax(e, text, size);
		free(text);
		return 0;
	}
	char **slot = h->type == 'L' ? &e->name : &e->link;
	free(*slot);
	*slot = text;
	return 0;
}

static int list_members(struct archive *a, struct extension *e, struct error *err)
{
	static const struct header zero;
	for (uint64_t at = 0; at + BLOCK <= a->size;) {
		struct header h;
		uint64_t size;
		if (fd_pread_full(a->fd, &h, sizeof(h), at) != (ssize_t)sizeof(h))
			return error_errno(err, "cannot read %s", a->path);
		if (memcmp(&h, &zero, sizeof(h)) == 0)
			break;
		if (!is_checksum_right(&h) || !parse_number(h.size, sizeof(h.size), &size))
			return error_set(err, EINVAL, "Invalid image format: %s", a->path);
		bool is_extension = h.type == 'x' || h.type == 'L' || h.type == 'K' || h.type == 'g';
		if (!is_extension && e->has_size)
			size = e->size;
		if (h.type == '1' || h.type == '2' || h.type == '5')
			size = 0;
		at += BLOCK;
		if (size > a->size - at)
			return error_set(err, EINVAL, "%s is cut short", a->path);
		if (take_entry(a, &h, e, at, size, err) < 0)
			return -1;
		at += (size + BLOCK - 1) / BLOCK * BLOCK;
	}
	return 0;
}

static int check_file(struct archive *a, struct error *err)
{
	struct stat st;
	if (fstat(a->fd, &st) < 0)
		return error_errno(err, "cannot look at %s", a->path);
	if (!S_ISREG(st.st_mode))
		return error_set(err, EINVAL, "Invalid image format: %s", a->path);
	a->size = (uint64_t)st.st_size;
	return 0;
}

int archive_open(const char *file, const char *cache_path, struct archive **archive, struct error *err)
{
	int fd = input_open_inflated(file, cache_path, err);
	return fd < 0 ? -1 : archive_open_fd(fd, str_eq(file, "-") ? "standard input" : file, archive, err);
}

int archive_open_fd(int fd, const char *name, struct archive **archive, struct error *err)
{
	struct archive *a = xcalloc(1, sizeof(*a));
	struct extension e = { 0 };
	a->fd = fd;
	a->path = xstrdup(name);
	int r = check_file(a, err);
	if (r == 0)
		r = list_members(a, &e, err);
	extension_cleanup(&e);
	if (r < 0)
		archive_free(a);
	else
		*archive = a;
	return r;
}

/* Where a link leads, inside the archive; the caller owns it. */
static char *link_target(const struct member *m)
{
	const char *link = m->link;
	size_t parent = 0;
	if (m->is_symlink && link[0] != '/') {
		const char *slash = strrchr(m->name, '/');
		parent = slash != NULL ? (size_t)(slash - m->name) : 0;
		for (; str_starts_with(link, "../"); link += 3) {
			const char *up = parent > 0 ? memrchr(m->name, '/', parent) : NULL;
			parent = up != NULL ? (size_t)(up - m->name) : 0;
		}
	}
	_cleanup_free_ char *path = xasprintf("%.*s/%s", (int)parent, m->name, link);
	return clean_name(path);
}

static const struct member *find_member(const struct archive *a, const char *name)
{
	for (size_t i = a->count; i-- > 0;) /* of two of one name the last counts */
		if (str_eq(a->members[i].name, name))
			return &a->members[i];
	return NULL;
}

int archive_find(const struct archive *a, const char *name, struct archive_range *range, struct error *err)
{
	_cleanup_free_ char *path = clean_name(name);
	for (int links = 0; links <= LINKS_MAX; links++) {
		const struct member *m = find_member(a, path);
		if (m == NULL)
			break;
		if (m->link == NULL) {
			*range = (struct archive_range){ .fd = a->fd, .start = m->start, .size = m->size };
			return 0;
		}
		char *next = link_target(m);
		free(path);
		path = next;
	}
	return error_set(err, ENOENT, "%s has no member %s", a->path, name);
}
