/* layer/tar_sparse.c - the maps of sparse files: old GNU, and GNU's three in pax headers */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "layer/tar_private.h"

int tar_sparse_add(struct tar_sparse *sparse, uint64_t offset, uint64_t len, struct error *err)
{
	if (sparse->count >= TAR_SPARSE_MAX)
		return error_set(err, EFBIG, "more than %u pieces in a sparse file", TAR_SPARSE_MAX);
	grow_array(&sparse->map, &sparse->capacity, sparse->count + 1);
	sparse->map[sparse->count++] = (struct tar_segment){ offset, len };
	return 0;
}

int tar_sparse_check(const struct tar_sparse *sparse, uint64_t real_size, uint64_t stored, struct error *err)
{
	uint64_t at = 0, sum = 0;
	for (size_t i = 0; i < sparse->count; i++) {
		const struct tar_segment *s = &sparse->map[i];
		if (s->offset < at || s->offset > real_size || s->len > real_size - s->offset)
			return error_set(err, EBADMSG,
				"sparse map: piece %zu (offset %" PRIu64 ", %" PRIu64
				" bytes) overlaps or ends behind the file",
				i, s->offset, s->len);
		at = s->offset + s->len;
		sum += s->len; /* at most real_size */
	}
	if (sum != stored)
		return error_set(err, EBADMSG,
			"sparse map: the pieces are %" PRIu64 " bytes, the data %" PRIu64, sum, stored);
	return 0;
}

static bool is_gnu(const struct tar_header *h)
{
	return memcmp(h->magic, "ustar  ", 8) == 0;
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
		if (tar_size_field(pair, 12, &offset, err) < 0 ||
			tar_size_field(pair + 12, 12, &len, err) < 0 ||
			tar_sparse_add(&r->old_sparse, offset, len, err) < 0)
			return -1;
	}
	return 0;
}

/* Old GNU: four pairs in the header, 21 in each block that follows. */
int tar_old_gnu_sparse(struct tar_reader *r, struct tar_entry *e, struct error *err)
{
	const struct tar_header *h = &r->header;
	if (!is_gnu(h))
		return error_set(err, EBADMSG, "a sparse entry in an archive that is not GNU's");
	r->old_sparse.count = 0;
	bool more = true, extended = h->gnu.is_extended != 0;
	if (tar_size_field(h->gnu.real_size, sizeof(h->gnu.real_size), &e->size, err) < 0 ||
		parse_sparse_block(r, h->gnu.sparse[0], 4, &more, err) < 0)
		return -1;
	while (extended) {
		char block[TAR_BLOCK];
		size_t got;
		if (tar_read_full(r, block, sizeof(block), &got, err) < 0)
			return -1;
		if (got < sizeof(block))
			return tar_cut_off(r, "a sparse map", err);
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
		if (tar_read_full(r, &c, 1, &got, err) < 0)
			return -1;
		if (got == 0)
			return tar_cut_off(r, "a sparse map", err);
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
	uint64_t used = 0, count = 0, pair[2] = { 0 }, skipped;
	r->pax.sparse.count = 0;
	if (map_line(r, &used, &count, err) < 0)
		return -1;
	for (uint64_t i = 0; i < count; i++)
		if (map_line(r, &used, &pair[0], err) < 0 || map_line(r, &used, &pair[1], err) < 0 ||
			tar_sparse_add(&r->pax.sparse, pair[0], pair[1], err) < 0)
			return -1;
	uint64_t rest = tar_padding(used);
	if (rest > r->left - used)
		return error_set(err, EBADMSG, "sparse map: longer than the data");
	if (tar_skip(r, rest, &skipped, err) < 0)
		return -1;
	if (skipped < rest)
		return tar_cut_off(r, "a sparse map", err);
	r->left -= used + rest;
	return 0;
}

int tar_pax_sparse(struct tar_reader *r, struct tar_entry *e, struct error *err)
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
