/* layer/tar_entry.c - from a header, and what was said before it, to an entry */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "layer/tar_private.h"

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

int tar_size_field(const char *field, size_t len, uint64_t *size, struct error *err)
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
		enum tar_type type;
		char letter;
		bool has_data;
	} types[] = {
		{ TAR_FILE, '0', true }, { TAR_FILE, '\0', true }, /* v7 */
		{ TAR_FILE, '7', true },                           /* contiguous */
		{ TAR_FILE, 'S', true },                           /* old GNU sparse */
		{ TAR_HARDLINK, '1', false }, { TAR_SYMLINK, '2', false }, { TAR_DEVICE, '3', false },
		{ TAR_DEVICE, '4', false }, { TAR_DIRECTORY, '5', false }, { TAR_FIFO, '6', false },
		{ TAR_DIRECTORY, 'D', true }, /* GNU incremental: the data are a list of names */
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

static int choose_data(
	struct tar_reader *r, struct tar_entry *e, bool has_data, uint64_t size, struct error *err)
{
	r->sparse = NULL;
	r->left = has_data ? size : 0;
	r->padding = tar_padding(r->left);
	e->size = r->left;
	if (e->type == TAR_FILE) {
		if (r->header.type == 'S' && tar_old_gnu_sparse(r, e, err) < 0)
			return -1;
		if (r->header.type != 'S' && r->pax.is_sparse && tar_pax_sparse(r, e, err) < 0)
			return -1;
	}
	if (r->sparse != NULL && tar_sparse_check(r->sparse, e->size, r->left, err) < 0)
		return -1;
	e->stored = r->left;
	r->size = e->size;
	return 0;
}

int tar_fill_entry(struct tar_reader *r, struct tar_entry *e, uint64_t size, struct error *err)
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
