#include "layer/tar_writer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"

/* pax(1), "ustar Interchange Format" */
struct header {
	char name[100];
	char mode[8], uid[8], gid[8];
	char size[12], mtime[12];
	char checksum[8];
	char type;
	char link[100];
	char magic[6], version[2];
	char user[32], group[32];
	char major[8], minor[8];
	char prefix[155];
	char padding[12];
};
_Static_assert(sizeof(struct header) == TAR_BLOCK_SIZE, "a header is one block");

#define OCTAL_SIZE_MAX 077777777777u /* eleven digits */

struct tar_writer {
	tar_output output;
	void *ctx;
	uint64_t left; /* of the member under way */
	uint32_t padding;
	struct buffer pax, path;
};

static const uint8_t zeros[64 * 1024];

struct tar_writer *tar_writer_new(tar_output output, void *ctx)
{
	struct tar_writer *w = xcalloc(1, sizeof(*w));
	w->output = output;
	w->ctx = ctx;
	return w;
}

void tar_writer_free(struct tar_writer *w)
{
	if (w == NULL)
		return;
	buffer_cleanup(&w->pax);
	buffer_cleanup(&w->path);
	free(w);
}

static void put_octal(char *field, size_t len, uint64_t value)
{
	field[--len] = '\0';
	for (; len > 0; value >>= 3)
		field[--len] = (char)('0' + (value & 7));
}

static void put_base256(char *field, size_t len, uint64_t value)
{
	for (; len > 1; value >>= 8)
		field[--len] = (char)(value & 0xff);
	field[0] = (char)0x80;
}

static void put_size(struct header *h, uint64_t size)
{
	if (size <= OCTAL_SIZE_MAX)
		put_octal(h->size, sizeof(h->size), size);
	else
		put_base256(h->size, sizeof(h->size), size);
}

static void put_checksum(struct header *h)
{
	const uint8_t *bytes = (const uint8_t *)h;
	unsigned sum = 0;
	memset(h->checksum, ' ', sizeof(h->checksum));
	for (size_t i = 0; i < sizeof(*h); i++)
		sum += bytes[i];
	put_octal(h->checksum, 7, sum); /* the eighth byte stays a blank */
}

static void header_init(struct header *h, char type, uint16_t mode, uint32_t mtime)
{
	memset(h, 0, sizeof(*h));
	h->type = type;
	memcpy(h->magic, "ustar", 6);
	memcpy(h->version, "00", 2);
	put_octal(h->mode, sizeof(h->mode), mode);
	put_octal(h->uid, sizeof(h->uid), 0);
	put_octal(h->gid, sizeof(h->gid), 0);
	put_octal(h->size, sizeof(h->size), 0);
	put_octal(h->mtime, sizeof(h->mtime), mtime);
}

void tar_format_plain_header(const char *name, uint64_t size, uint8_t block[TAR_BLOCK_SIZE])
{
	struct header h;
	header_init(&h, '0', 0644, 0);
	memcpy(h.name, name, MIN(strlen(name), sizeof(h.name)));
	put_size(&h, size);
	put_checksum(&h);
	memcpy(block, &h, sizeof(h));
}

static unsigned digits(size_t n)
{
	unsigned count = 1;
	for (; n >= 10; n /= 10)
		count++;
	return count;
}

/* "LEN KEY=VALUE\n", LEN counting itself. */
static void put_record(struct buffer *pax, const char *key, const void *value, size_t value_len)
{
	size_t rest = 1 + strlen(key) + 1 + value_len + 1;
	size_t len = rest + digits(rest);
	len = rest + digits(len);
	buffer_printf(pax, "%zu %s=", len, key);
	buffer_append(pax, value, value_len);
	buffer_putc(pax, '\n');
}

/* Into name and prefix, if there is a slash at the right place. */
static bool put_path(struct header *h, const char *path, size_t len)
{
	if (len <= sizeof(h->name)) {
		memcpy(h->name, path, len);
		return true;
	}
	for (size_t i = MIN(len - 2, sizeof(h->prefix)); i > 0 && len - i - 1 <= sizeof(h->name); i--) {
		if (path[i] != '/')
			continue;
		memcpy(h->prefix, path, i);
		memcpy(h->name, path + i + 1, len - i - 1);
		return true;
	}
	memcpy(h->name, path, sizeof(h->name));
	return false;
}

static bool put_link(struct header *h, const char *link, size_t len)
{
	memcpy(h->link, link, MIN(len, sizeof(h->link)));
	return len <= sizeof(h->link);
}

static int type_flag(const struct tar_member *m)
{
	static const char flags[] = {
		[TREE_DIRECTORY] = '5', [TREE_FILE] = '0', [TREE_SYMLINK] = '2', [TREE_FIFO] = '6'
	};
	if (m->is_hard_link)
		return '1';
	return (size_t)m->type < sizeof(flags) && flags[m->type] != 0 ? flags[m->type] : -1;
}

static int put(struct tar_writer *w, const void *data, size_t len, struct error *err)
{
	return w->output(w->ctx, data, len, err);
}

/* The extended header, of type x, in front of the member that H describes. */
static int put_pax(struct tar_writer *w, const struct header *of, struct error *err)
{
	struct header h;
	header_init(&h, 'x', 0644, 0);
	snprintf(h.name, sizeof(h.name), "PaxHeaders/%.*s", 80, of->name);
	put_octal(h.size, sizeof(h.size), w->pax.len);
	memcpy(h.mtime, of->mtime, sizeof(h.mtime));
	put_checksum(&h);
	size_t padding = -w->pax.len % TAR_BLOCK_SIZE;
	if (put(w, &h, sizeof(h), err) < 0 || put(w, w->pax.data, w->pax.len, err) < 0)
		return -1;
	return padding != 0 ? put(w, zeros, padding, err) : 0;
}

static void add_xattrs(struct tar_writer *w, const struct tar_member *m)
{
	for (size_t i = 0; i < m->xattr_count; i++) {
		const struct tree_xattr *x = &m->xattrs[i];
		_cleanup_free_ char *key = xasprintf("SCHILY.xattr.%s", x->name);
		put_record(&w->pax, key, x->value, x->value_len);
	}
}

bool tar_writer_takes_xattr(const char *name)
{
	return strchr(name, '=') == NULL;
}

static void form_path(struct tar_writer *w, const struct tar_member *m)
{
	w->path.len = 0;
	buffer_puts(&w->path, *m->path != '\0' ? m->path : ".");
	if (m->type == TREE_DIRECTORY)
		buffer_putc(&w->path, '/');
}

int tar_writer_member(struct tar_writer *w, const struct tar_member *m, struct error *err)
{
	struct header h;
	int flag = type_flag(m);
	size_t link_len = m->link != NULL ? strlen(m->link) : 0;
	uint64_t size = flag == '0' ? m->size : 0;
	if (w->left != 0)
		return error_set(err, EINVAL, "a file in the archive lacks %" PRIu64 " bytes", w->left);
	if (flag < 0)
		return error_set(err, EINVAL, "%s cannot be in an archive", m->path);
	form_path(w, m);
	w->pax.len = 0;
	header_init(&h, (char)flag, m->mode, m->mtime);
	if (!put_path(&h, w->path.data, w->path.len))
		put_record(&w->pax, "path", w->path.data, w->path.len);
	if (link_len != 0 && !put_link(&h, m->link, link_len))
		put_record(&w->pax, "linkpath", m->link, link_len);
	put_size(&h, size);
	if (size > OCTAL_SIZE_MAX) {
		_cleanup_free_ char *text = xasprintf("%" PRIu64, size);
		put_record(&w->pax, "size", text, strlen(text));
	}
	add_xattrs(w, m);
	put_checksum(&h);
	if ((w->pax.len != 0 && put_pax(w, &h, err) < 0) || put(w, &h, sizeof(h), err) < 0)
		return -1;
	w->left = size;
	w->padding = (uint32_t)(-size % TAR_BLOCK_SIZE);
	return 0;
}

static int take(struct tar_writer *w, uint64_t len, struct error *err)
{
	if (len > w->left)
		return error_set(err, EINVAL, "a file in the archive has more bytes than it was to have");
	w->left -= len;
	return 0;
}

static int pad(struct tar_writer *w, struct error *err)
{
	uint32_t padding = w->left == 0 ? w->padding : 0;
	if (padding == 0)
		return 0;
	w->padding = 0;
	return put(w, zeros, padding, err);
}

int tar_writer_data(struct tar_writer *w, const void *data, size_t len, struct error *err)
{
	if (take(w, len, err) < 0 || put(w, data, len, err) < 0)
		return -1;
	return pad(w, err);
}

int tar_writer_zeros(struct tar_writer *w, uint64_t len, struct error *err)
{
	if (take(w, len, err) < 0)
		return -1;
	for (size_t n; len > 0; len -= n) {
		n = (size_t)MIN(len, (uint64_t)sizeof(zeros));
		if (put(w, zeros, n, err) < 0)
			return -1;
	}
	return pad(w, err);
}

int tar_writer_finish(struct tar_writer *w, struct error *err)
{
	if (w->left != 0)
		return error_set(err, EINVAL, "a file in the archive lacks %" PRIu64 " bytes", w->left);
	return put(w, zeros, 2 * TAR_BLOCK_SIZE, err);
}
