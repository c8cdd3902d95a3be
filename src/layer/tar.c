#include "layer/tar.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "layer/tar_private.h"

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

int tar_read_full(struct tar_reader *r, void *buf, size_t len, size_t *got, struct error *err)
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

int tar_skip(struct tar_reader *r, uint64_t len, uint64_t *skipped, struct error *err)
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

int tar_cut_off(const struct tar_reader *r, const char *where, struct error *err)
{
	return error_set(
		err, EBADMSG, "the tar is cut off inside %s (at offset %" PRIu64 ")", where, r->offset);
}

/* Past the data and padding of the current entry. A cut padding is the end. */
static int finish_entry(struct tar_reader *r, struct error *err)
{
	uint64_t skipped;
	if (tar_skip(r, r->left, &skipped, err) < 0)
		return -1;
	if (skipped < r->left)
		return tar_cut_off(r, "the data of this entry", err);
	r->left = 0;
	if (tar_skip(r, r->padding, &skipped, err) < 0)
		return -1;
	r->padding = 0;
	return 0;
}

uint32_t tar_padding(uint64_t size)
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
	if (tar_read_full(r, text->data, (size_t)size, &got, err) < 0 ||
		tar_skip(r, tar_padding(size), &skipped, err) < 0)
		return -1;
	return got < size || skipped < tar_padding(size) ? tar_cut_off(r, what, err) : 0;
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
	if (tar_read_full(r, &r->header, TAR_BLOCK, &got, err) < 0)
		return -1;
	if (got == 0)
		return 0;
	if (got < TAR_BLOCK)
		return tar_cut_off(r, "a header", err);
	if (is_zero_block(&r->header)) {
		if (tar_read_full(r, &r->header, TAR_BLOCK, &got, err) < 0)
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
		if (tar_skip(r, size + tar_padding(size), &skipped, err) < 0)
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
		if (tar_size_field(r->header.size, sizeof(r->header.size), &size, err) < 0 ||
			(rc = read_extension(r, size, err)) < 0)
			return error_prefix(err, "header at offset %" PRIu64, at);
		pending |= rc == 1 && r->header.type != 'g' && r->header.type != 'V';
		if (rc == 0)
			return tar_fill_entry(r, entry, size, err) < 0 ? -1 : 1;
	}
}

static int pass_data(struct tar_reader *r, uint64_t len, const struct layer_sink *sink, struct error *err)
{
	while (len > 0) {
		if (fill(r, err) < 0)
			return -1;
		size_t n = (size_t)MIN(r->len, len);
		if (n == 0)
			return tar_cut_off(r, "the data of this entry", err);
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
