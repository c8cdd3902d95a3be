#include "bundle/format.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "base/memory.h"

#define VERSION 1u

void bundle_trailer_format(const struct bundle_layout *l, struct bundle_trailer *t)
{
	*t = (struct bundle_trailer){
		.magic = BUNDLE_MAGIC,
		.version = htole32(VERSION),
		.flags = htole32(l->flags),
		.image_offset = htole64(l->image_offset),
		.image_bytes = htole64(l->image_bytes),
		.config_offset = htole64(l->config_offset),
		.config_bytes = htole64(l->config_bytes),
	};
	memcpy(t->sha256, l->sha256, sizeof(t->sha256));
}

/* Inside the file, behind what comes before it, and aligned. */
static bool is_part(uint64_t offset, uint64_t bytes, uint64_t from, uint64_t to)
{
	return offset >= from && offset % BUNDLE_ALIGN == 0 && offset <= to && bytes <= to - offset;
}

int bundle_trailer_parse(
	const struct bundle_trailer *t, uint64_t size, struct bundle_layout *l, struct error *err)
{
	if (size < sizeof(*t) || memcmp(t->magic, BUNDLE_MAGIC, sizeof(t->magic)) != 0)
		return error_set(err, EINVAL, "the bundle was cut short: it has no trailer");
	if (le32toh(t->version) != VERSION)
		return error_set(err, EINVAL, "a bundle of version %u", le32toh(t->version));
	*l = (struct bundle_layout){
		.image_offset = le64toh(t->image_offset),
		.image_bytes = le64toh(t->image_bytes),
		.config_offset = le64toh(t->config_offset),
		.config_bytes = le64toh(t->config_bytes),
		.trailer_offset = size - sizeof(*t),
		.flags = le32toh(t->flags),
	};
	memcpy(l->sha256, t->sha256, sizeof(l->sha256));
	if (!is_part(l->image_offset, l->image_bytes, BUNDLE_ALIGN, l->trailer_offset) ||
		!is_part(l->config_offset, l->config_bytes, l->image_offset + l->image_bytes,
			l->trailer_offset))
		return error_set(err, EINVAL, "the bundle's trailer is corrupt");
	return 0;
}
