/* squashfs/reader_xattr.c - extended attributes */
#include <string.h>

#include "base/memory.h"
#include "squashfs/reader_private.h"

#define NAME_MAX_BYTES  255u           /* XATTR_NAME_MAX */
#define VALUE_MAX_BYTES 65536u         /* XATTR_SIZE_MAX */
#define SET_MAX_BYTES   (1024u * 1024) /* of one inode: more than any file system takes */

static const char *const prefixes[] = {
	[SQFS_XATTR_USER] = "user.",
	[SQFS_XATTR_TRUSTED] = "trusted.",
	[SQFS_XATTR_SECURITY] = "security.",
};

void sqfs_xattrs_cleanup(struct sqfs_xattrs *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].name);
		free(list->items[i].value);
	}
	free(list->items);
	*list = (struct sqfs_xattrs){ 0 };
}

/* A value: its size, then its bytes. */
static int read_value(
	struct sqfs_reader *r, struct meta_cursor *cursor, struct sqfs_xattr *x, struct error *err)
{
	uint32_t size;
	if (meta_read(r, cursor, &size, sizeof(size), err) < 0)
		return -1;
	x->value_len = le32toh(size);
	if (x->value_len > VALUE_MAX_BYTES)
		return image_corrupt(r->image, err, "an xattr value of %u bytes", x->value_len);
	x->value = xmalloc(x->value_len);
	return meta_read(r, cursor, x->value, x->value_len, err);
}

static int read_distant_value(
	struct sqfs_reader *r, struct meta_cursor *cursor, struct sqfs_xattr *x, struct error *err)
{
	struct {
		uint32_t size;
		uint64_t ref;
	} __attribute__((packed)) place;
	struct meta_cursor distant;
	if (meta_read(r, cursor, &place, sizeof(place), err) < 0)
		return -1;
	if (le32toh(place.size) != sizeof(place.ref))
		return image_corrupt(r->image, err, "a bad reference to an xattr value");
	if (meta_seek(r->image, &r->image->xattrs, le64toh(place.ref), &distant, err) < 0)
		return -1;
	return read_value(r, &distant, x, err);
}

static int read_one(
	struct sqfs_reader *r, struct meta_cursor *cursor, struct sqfs_xattr *x, struct error *err)
{
	struct sqfs_xattr_entry e;
	char name[NAME_MAX_BYTES + 1];
	if (meta_read(r, cursor, &e, sizeof(e), err) < 0)
		return -1;
	unsigned type = le16toh(e.type), len = le16toh(e.name_size);
	unsigned prefix = type & SQFS_XATTR_PREFIX_MASK;
	if (prefix >= ARRAY_SIZE(prefixes) || len == 0 || len > NAME_MAX_BYTES)
		return image_corrupt(r->image, err, "an xattr of type %u and a name of %u bytes", type, len);
	if (meta_read(r, cursor, name, len, err) < 0)
		return -1;
	name[len] = '\0';
	x->name = xasprintf("%s%s", prefixes[prefix], name);
	if ((type & SQFS_XATTR_OUT_OF_LINE) != 0)
		return read_distant_value(r, cursor, x, err);
	return read_value(r, cursor, x, err);
}

static int read_all(
	struct sqfs_reader *r, const struct sqfs_xattr_id *id, struct sqfs_xattrs *list, struct error *err)
{
	struct meta_cursor cursor;
	if (meta_seek(r->image, &r->image->xattrs, le64toh(id->xattr), &cursor, err) < 0)
		return -1;
	uint64_t bytes = 0;
	for (uint32_t left = le32toh(id->count); left > 0; left--) {
		grow_array(&list->items, &list->capacity, list->count + 1);
		struct sqfs_xattr *x = &list->items[list->count++];
		*x = (struct sqfs_xattr){ 0 };
		if (read_one(r, &cursor, x, err) < 0)
			return -1;
		bytes += strlen(x->name) + x->value_len;
		if (bytes > SET_MAX_BYTES)
			return image_corrupt(r->image, err, "too many xattrs on one file");
	}
	return 0;
}

int sqfs_xattrs_read(struct sqfs_reader *r, uint32_t xattrs, struct sqfs_xattrs *list, struct error *err)
{
	*list = (struct sqfs_xattrs){ 0 };
	if (xattrs == SQFS_NO_XATTR)
		return 0;
	struct sqfs_xattr_id id;
	if (meta_lookup(r, &r->image->xattr_ids, xattrs, &id, err) < 0)
		return -1;
	if (read_all(r, &id, list, err) < 0) {
		sqfs_xattrs_cleanup(list);
		return -1;
	}
	return 0;
}
