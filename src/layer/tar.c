#include "layer/tar.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "layer/tar_private.h"

struct tar_reader {
	const struct tar_source *source;
	const uint8_t *data; /* what is left of the source's last bytes */
	size_t len;
	bool ended;
	uint64_t offset; /* in the stream, of .data */

	uint64_t left;                   /* data of the current entry that were not read yet */
	uint64_t size;                   /* its logical size */
	uint32_t padding;                /* behind them */
	const struct tar_sparse *sparse; /* its map, or NULL */

	struct tar_pax pax, global;
	struct buffer long_name, long_link;
	struct tar_sparse old_sparse;
	char ustar_path[sizeof(((struct tar_header *)0)->prefix) + 1 + 100];
	struct tar_header
		header; /* a copy: it may have been cut, and its strings outlive the source's bytes */
};

_Static_assert(sizeof(struct tar_header) == TAR_BLOCK, "tar header");

struct tar_reader *tar_reader_new(const struct tar_source *source)
{
	struct tar_reader *r = xcalloc(1, sizeof(*r));
	r->source = source;
	return r;
}

void tar_reader_free(struct tar_reader *r)
{
	if (r == NULL)
		return;
	tar_pax_cleanup(&r->pax);
	tar_pax_cleanup(&r->global);
	buffer_cleanup(&r->long_name);
	buffer_cleanup(&r->long_link);
	free(r->old_sparse.map);
	free(r);
}

/* Make sure that there is a byte, unless the source has ended. */
static int fill(struct tar_reader *r, struct error *err)
{
	if (r->len != 0 || r->ended)
		return 0;
	if (r->source->next(r->source->ctx, &r->data, &r->len, err) < 0)
		return -1;
	r->ended = r->len == 0;
	return 0;
}

static void consume(struct tar_reader *r, size_t n)
{
	r->data += n;
	r->len -= n;
	r->offset += n;
}

static int read_full(struct tar_reader *r, void *buf, size_t len, size_t *got, struct error *err)
{
	*got = 0;
	while (*got < len) {
		if (fill(r, err) < 0)
			return -1;
		size_t n = MIN(r->len, len - *got);
		if (n == 0)
			break;
		memcpy((char *)buf + *got, r->data, n);
		consume(r, n);
		*got += n;
	}
	return 0;
}

static int skip(struct tar_reader *r, uint64_t len, uint64_t *skipped, struct error *err)
{
	*skipped = 0;
	while (*skipped < len) {
		if (fill(r, err) < 0)
			return -1;
		size_t n = (size_t)MIN(r->len, len - *skipped);
		if (n == 0)
			break;
		consume(r, n);
		*skipped += n;
	}
	return 0;
}

static int cut_off(const struct tar_reader *r, const char *where, struct error *err)
{
	return error_set(
		err, EBADMSG, "the tar is cut off inside %s (at offset %" PRIu64 ")", where, r->offset);
}

/* Past the data and padding of the current entry. A cut padding is the end. */
static int finish_entry(struct tar_reader *r, struct error *err)
{
	uint64_t skipped;
	if (skip(r, r->left, &skipped, err) < 0)
		return -1;
	if (skipped < r->left)
		return cut_off(r, "the data of this entry", err);
	r->left = 0;
	if (skip(r, r->padding, &skipped, err) < 0)
		return -1;
	r->padding = 0;
	return 0;
}

static uint32_t padding_of(uint64_t size)
{
	return (uint32_t)(-size & (TAR_BLOCK - 1));
}

/* The body of a header that describes the next one. */
static int read_meta(
	struct tar_reader *r, const char *what, uint64_t size, struct buffer *text, struct error *err)
{
	static char zeros[4096];
	if (size > TAR_META_MAX)
		return error_set(err, EFBIG, "%s of %" PRIu64 " bytes; at most %u are accepted", what, size,
			TAR_META_MAX);
	text->len = 0;
	for (uint64_t left = size; left > 0; left -= MIN(left, sizeof(zeros)))
		buffer_append(text, zeros, (size_t)MIN(left, sizeof(zeros)));
	size_t got;
	uint64_t skipped;
	if (read_full(r, text->data, (size_t)size, &got, err) < 0 ||
		skip(r, padding_of(size), &skipped, err) < 0)
		return -1;
	return got < size || skipped < padding_of(size) ? cut_off(r, what, err) : 0;
}

/* The name ends at its first NUL; nothing but NULs may follow. */
static int read_long(struct tar_reader *r, uint64_t size, struct buffer *text, struct error *err)
{
	if (read_meta(r, "a GNU long name", size, text, err) < 0)
		return -1;
	size_t len = text->len != 0 ? strnlen(text->data, text->len) : 0;
	for (size_t i = len; i < text->len; i++)
		if (text->data[i] != '\0')
			return error_set(err, EBADMSG, "GNU long name holds a NUL");
	if (len == 0)
		return error_set(err, EBADMSG, "empty GNU long name");
	text->len = len;
	return 0;
}

static bool is_zero_block(const void *block)
{
	static const uint8_t zeros[TAR_BLOCK];
	return memcmp(block, zeros, TAR_BLOCK) == 0;
}

/* Old tars summed signed chars. */
static bool checksum_is_right(const struct tar_header *h)
{
	const uint8_t *p = (const uint8_t *)h;
	const size_t field = offsetof(struct tar_header, checksum);
	int64_t want, sum = 0, high = 0;
	for (size_t i = 0; i < TAR_BLOCK; i++) {
		sum += p[i];
		high += p[i] >> 7;
	}
	for (size_t i = field; i < field + sizeof(h->checksum); i++) {
		sum += ' ' - p[i];
		high -= p[i] >> 7;
	}
	return tar_number(h->checksum, sizeof(h->checksum), &want) == 0 &&
	       (want == sum || want == sum - 256 * high);
}

/* 1: a header, 0: the end of the archive. */
static int read_header(struct tar_reader *r, struct error *err)
{
	size_t got;
	uint64_t offset = r->offset;
	if (read_full(r, &r->header, TAR_BLOCK, &got, err) < 0)
		return -1;
	if (got == 0)
		return 0;
	if (got < TAR_BLOCK)
		return cut_off(r, "a header", err);
	if (is_zero_block(&r->header)) {
		if (read_full(r, &r->header, TAR_BLOCK, &got, err) < 0)
			return -1;
		if (got == TAR_BLOCK && !is_zero_block(&r->header))
			return error_set(err, EBADMSG, "a lone zero block at offset %" PRIu64, offset);
		return 0;
	}
	if (!checksum_is_right(&r->header))
		return error_set(err, EBADMSG, "wrong header checksum at offset %" PRIu64 "%s", offset,
			offset == 0 ? ": this is not a tar archive" : "");
	return 1;
}

static bool is_gnu(const struct tar_header *h)
{
	return memcmp(h->magic, "ustar  ", 8) == 0;
}

static bool is_ustar(const struct tar_header *h)
{
	return memcmp(h->magic, "ustar", 6) == 0;
}

static int number_field(const char *field, size_t len, const char *name, int64_t *value, struct error *err)
{
	if (tar_number(field, len, value) < 0)
		return error_set(err, EBADMSG, "bad number in the %s field of a header", name);
	return 0;
}

static int size_field(const char *field, size_t len, uint64_t *size, struct error *err)
{
	int64_t value;
	if (number_field(field, len, "size", &value, err) < 0)
		return -1;
	if (value < 0 || (uint64_t)value > TAR_SIZE_MAX)
		return error_set(err, EBADMSG, "impossible size %" PRId64 " in a header", value);
	*size = (uint64_t)value;
	return 0;
}

static void plain_path(struct tar_reader *r, struct tar_entry *e)
{
	const struct tar_header *h = &r->header;
	size_t prefix = is_ustar(h) ? strnlen(h->prefix, sizeof(h->prefix)) : 0;
	size_t name = strnlen(h->name, sizeof(h->name));
	if (prefix != 0) {
		memcpy(r->ustar_path, h->prefix, prefix);
		r->ustar_path[prefix++] = '/';
	}
	memcpy(r->ustar_path + prefix, h->name, name);
	e->path = r->ustar_path;
	e->path_len = prefix + name;
}

static void choose_names(struct tar_reader *r, struct tar_entry *e)
{
	plain_path(r, e);
	e->link = r->header.linkname;
	e->link_len = strnlen(r->header.linkname, sizeof(r->header.linkname));
	if (r->pax.path != NULL) {
		e->path = r->pax.path;
		e->path_len = r->pax.path_len;
	}
	if (r->pax.link != NULL) {
		e->link = r->pax.link;
		e->link_len = r->pax.link_len;
	}
	if (r->long_name.len != 0) {
		e->path = r->long_name.data;
		e->path_len = r->long_name.len;
	}
	if (r->long_link.len != 0) {
		e->link = r->long_link.data;
		e->link_len = r->long_link.len;
	}
	if (r->pax.sparse_name != NULL) {
		e->path = r->pax.sparse_name;
		e->path_len = r->pax.sparse_name_len;
	}
}

/* Entries of these types have data; of others the size field means nothing. */
static int choose_type(const struct tar_reader *r, struct tar_entry *e, bool *has_data, struct error *err)
{
	static const struct {
		char letter;
		enum tar_type type;
		bool has_data;
	} types[] = {
		{ '0', TAR_FILE, true }, { '\0', TAR_FILE, true }, { '7', TAR_FILE, true }, /* contiguous */
		{ 'S', TAR_FILE, true }, /* old GNU sparse */
		{ '1', TAR_HARDLINK, false }, { '2', TAR_SYMLINK, false }, { '3', TAR_DEVICE, false },
		{ '4', TAR_DEVICE, false }, { '5', TAR_DIRECTORY, false }, { '6', TAR_FIFO, false },
		{ 'D', TAR_DIRECTORY, true }, /* GNU incremental: the data are a list of names */
	};
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (types[i].letter != r->header.type)
			continue;
		e->type = types[i].type;
		*has_data = types[i].has_data;
		/* v7 had no directory type. */
		if (r->header.type == '\0' && e->path_len > 0 && e->path[e->path_len - 1] == '/')
			e->type = TAR_DIRECTORY;
		return 0;
	}
	return error_set(err, ENOTSUP, "unknown entry type '%c' (0x%02x)", r->header.type,
		(unsigned char)r->header.type);
}

static int parse_sparse_block(
	struct tar_reader *r, const char *pairs, size_t count, bool *more, struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		const char *pair = pairs + 24 * i;
		uint64_t offset, len;
		if (pair[0] == '\0') {
			*more = false;
			return 0;
		}
		if (size_field(pair, 12, &offset, err) < 0 || size_field(pair + 12, 12, &len, err) < 0 ||
			tar_sparse_add(&r->old_sparse, offset, len, err) < 0)
			return -1;
	}
	return 0;
}

/* Old GNU: four pairs in the header, 21 in each block that follows. */
static int old_gnu_sparse(struct tar_reader *r, struct tar_entry *e, struct error *err)
{
	const struct tar_header *h = &r->header;
	if (!is_gnu(h))
		return error_set(err, EBADMSG, "a sparse entry in an archive that is not GNU's");
	r->old_sparse.count = 0;
	bool more = true, extended = h->gnu.is_extended != 0;
	if (size_field(h->gnu.real_size, sizeof(h->gnu.real_size), &e->size, err) < 0 ||
		parse_sparse_block(r, h->gnu.sparse[0], 4, &more, err) < 0)
		return -1;
	while (extended) {
		char block[TAR_BLOCK];
		size_t got;
		if (read_full(r, block, sizeof(block), &got, err) < 0)
			return -1;
		if (got < sizeof(block))
			return cut_off(r, "a sparse map", err);
		if (more && parse_sparse_block(r, block, 21, &more, err) < 0)
			return -1;
		extended = block[504] != 0;
	}
	r->sparse = &r->old_sparse;
	return 0;
}

/* A decimal line of a 1.0 map; blocks are read as needed. */
static int map_line(struct tar_reader *r, uint64_t *used, uint64_t *value, struct error *err)
{
	char digits[24];
	size_t len = 0, got;
	for (;; len++) {
		char c;
		if (*used >= r->left || *used >= TAR_META_MAX || len == sizeof(digits))
			return error_set(err, EBADMSG, "sparse map: bad or too long");
		if (read_full(r, &c, 1, &got, err) < 0)
			return -1;
		if (got == 0)
			return cut_off(r, "a sparse map", err);
		++*used;
		if (c == '\n')
			break;
		digits[len] = c;
	}
	if (tar_decimal(digits, len, value) < 0)
		return error_set(err, EBADMSG, "sparse map: bad number");
	return 0;
}

/* Format 1.0: the map is text in front of the data, padded to a block. */
static int map_in_data(struct tar_reader *r, struct error *err)
{
	uint64_t used = 0, count, pair[2], skipped;
	r->pax.sparse.count = 0;
	if (map_line(r, &used, &count, err) < 0)
		return -1;
	for (uint64_t i = 0; i < count; i++)
		if (map_line(r, &used, &pair[0], err) < 0 || map_line(r, &used, &pair[1], err) < 0 ||
			tar_sparse_add(&r->pax.sparse, pair[0], pair[1], err) < 0)
			return -1;
	uint64_t rest = padding_of(used);
	if (rest > r->left - used)
		return error_set(err, EBADMSG, "sparse map: longer than the data");
	if (skip(r, rest, &skipped, err) < 0)
		return -1;
	if (skipped < rest)
		return cut_off(r, "a sparse map", err);
	r->left -= used + rest;
	return 0;
}

static int pax_sparse(struct tar_reader *r, struct tar_entry *e, struct error *err)
{
	const struct tar_pax *p = &r->pax;
	if (p->major == 1 && p->minor == 0) {
		if (map_in_data(r, err) < 0)
			return -1;
	} else if (p->major != 0 || p->minor > 1) {
		return error_set(
			err, ENOTSUP, "unknown sparse format %" PRIu64 ".%" PRIu64, p->major, p->minor);
	}
	if (!p->has_real_size || p->real_size > TAR_SIZE_MAX)
		return error_set(err, EBADMSG, "a sparse file without a sane size");
	e->size = p->real_size;
	r->sparse = &r->pax.sparse;
	return 0;
}

static int choose_data(
	struct tar_reader *r, struct tar_entry *e, bool has_data, uint64_t size, struct error *err)
{
	r->sparse = NULL;
	r->left = has_data ? size : 0;
	r->padding = padding_of(r->left);
	e->size = r->left;
	if (e->type == TAR_FILE) {
		if (r->header.type == 'S' && old_gnu_sparse(r, e, err) < 0)
			return -1;
		if (r->header.type != 'S' && r->pax.is_sparse && pax_sparse(r, e, err) < 0)
			return -1;
	}
	if (r->sparse != NULL && tar_sparse_check(r->sparse, e->size, r->left, err) < 0)
		return -1;
	e->stored = r->left;
	r->size = e->size;
	return 0;
}

static int fill_entry(struct tar_reader *r, struct tar_entry *e, uint64_t size, struct error *err)
{
	const struct tar_header *h = &r->header;
	int64_t mode, mtime;
	bool has_data;
	choose_names(r, e);
	if (choose_type(r, e, &has_data, err) < 0 ||
		number_field(h->mode, sizeof(h->mode), "mode", &mode, err) < 0 ||
		number_field(h->mtime, sizeof(h->mtime), "mtime", &mtime, err) < 0)
		return -1;
	e->mode = (uint16_t)(mode & 07777);
	e->mtime = r->pax.has_mtime ? r->pax.mtime : (uint32_t)MAX(0, MIN(mtime, (int64_t)UINT32_MAX));
	e->xattrs = r->pax.xattrs;
	e->xattr_count = r->pax.xattr_count;
	return choose_data(r, e, has_data, r->pax.has_size ? r->pax.size : size, err);
}

/* Headers that describe the entry after them. 1: it was one. */
static int read_extension(struct tar_reader *r, uint64_t size, struct error *err)
{
	uint64_t skipped;
	switch (r->header.type) {
	case 'x':
	case 'X': /* as Solaris wrote it */
		tar_pax_reset(&r->pax);
		if (read_meta(r, "a pax header", size, &r->pax.text, err) < 0 ||
			tar_pax_parse(&r->pax, err) < 0)
			return -1;
		return 1;
	case 'g':
		tar_pax_reset(&r->global);
		if (read_meta(r, "a global pax header", size, &r->global.text, err) < 0 ||
			tar_pax_parse(&r->global, err) < 0)
			return -1;
		return 1;
	case 'L':
		return read_long(r, size, &r->long_name, err) < 0 ? -1 : 1;
	case 'K':
		return read_long(r, size, &r->long_link, err) < 0 ? -1 : 1;
	case 'V': /* a label for the whole archive */
		if (skip(r, size + padding_of(size), &skipped, err) < 0)
			return -1;
		return 1;
	default:
		return 0;
	}
}

int tar_reader_next(struct tar_reader *r, struct tar_entry *entry, struct error *err)
{
	if (finish_entry(r, err) < 0)
		return -1;
	*entry = (struct tar_entry){ .offset = r->offset };
	tar_pax_reset(&r->pax);
	r->long_name.len = r->long_link.len = 0;
	bool pending = false;
	for (;;) {
		uint64_t size, at = r->offset;
		int rc = read_header(r, err);
		if (rc == 0 && pending)
			return error_set(err, EBADMSG,
				"the tar ends after an extended header (at offset %" PRIu64 ")", r->offset);
		if (rc <= 0)
			return rc;
		if (size_field(r->header.size, sizeof(r->header.size), &size, err) < 0 ||
			(rc = read_extension(r, size, err)) < 0)
			return error_prefix(err, "header at offset %" PRIu64, at);
		pending |= rc == 1 && r->header.type != 'g' && r->header.type != 'V';
		if (rc == 0)
			return fill_entry(r, entry, size, err) < 0 ? -1 : 1;
	}
}

static int pass_data(struct tar_reader *r, uint64_t len, const struct layer_sink *sink, struct error *err)
{
	while (len > 0) {
		if (fill(r, err) < 0)
			return -1;
		size_t n = (size_t)MIN(r->len, len);
		if (n == 0)
			return cut_off(r, "the data of this entry", err);
		if (sink->file_data(sink->ctx, r->data, n, err) < 0)
			return -1;
		consume(r, n);
		r->left -= n;
		len -= n;
	}
	return 0;
}

static int pass_hole(uint64_t len, const struct layer_sink *sink, struct error *err)
{
	return len != 0 ? sink->file_hole(sink->ctx, len, err) : 0;
}

int tar_reader_data(struct tar_reader *r, const struct layer_sink *sink, struct error *err)
{
	if (r->sparse == NULL)
		return pass_data(r, r->left, sink, err);
	uint64_t at = 0;
	for (size_t i = 0; i < r->sparse->count; i++) {
		const struct tar_segment *s = &r->sparse->map[i];
		if (pass_hole(s->offset - at, sink, err) < 0 || pass_data(r, s->len, sink, err) < 0)
			return -1;
		at = s->offset + s->len;
	}
	return pass_hole(r->size - at, sink, err);
}
