/* squashfs/reader_meta.c - metadata blocks: 8 KiB each, one behind the other, compressed or not */
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "squashfs/reader_private.h"

#define HEADER_SIZE 2u

static int decode_block(struct sqfs_reader *r, struct meta_block *block, const uint8_t *raw, uint32_t len,
	bool stored, struct error *err)
{
	ssize_t n = len;
	if (stored)
		memcpy(block->data, raw, len);
	else
		n = sqfs_decode(r->codec, raw, len, block->data, sizeof(block->data));
	if (n <= 0)
		return image_corrupt(
			r->image, err, "cannot decompress the table block at %" PRIu64, block->position);
	block->len = (uint32_t)n;
	return 0;
}

static int load_block(
	struct sqfs_reader *r, struct meta_block *block, uint64_t position, uint64_t end, struct error *err)
{
	/* Header and block in one read: most of it is wanted. */
	uint8_t raw[HEADER_SIZE + SQFS_METADATA_SIZE];
	size_t avail = (size_t)MIN(end - position, (uint64_t)sizeof(raw));
	if (avail < HEADER_SIZE)
		return image_corrupt(r->image, err, "a table ends early at %" PRIu64, position);
	if (image_pread(r->image, raw, avail, position, err) < 0)
		return -1;
	uint32_t header = (uint32_t)raw[0] | (uint32_t)raw[1] << 8;
	uint32_t len = header & (SQFS_METADATA_STORED - 1);
	if (len == 0 || len > SQFS_METADATA_SIZE || len > avail - HEADER_SIZE)
		return image_corrupt(r->image, err, "a table block of %u bytes at %" PRIu64, len, position);
	block->position = position;
	block->next = position + HEADER_SIZE + len;
	return decode_block(r, block, raw + HEADER_SIZE, len, (header & SQFS_METADATA_STORED) != 0, err);
}

/* The metadata block at POSITION, good until the next call. */
static const struct meta_block *get_block(
	struct sqfs_reader *r, uint64_t position, uint64_t end, struct error *err)
{
	if (position >= end) {
		(void)image_corrupt(r->image, err, "a table ends early at %" PRIu64, position);
		return NULL;
	}
	/* Positions of neighbours differ by the size of a compressed block: mix them well. */
	struct meta_block **slot = &r->meta[position * 0x9e3779b97f4a7c15u >> 58];
	if (*slot == NULL) {
		*slot = xmalloc(sizeof(**slot));
		(*slot)->position = 0;
	}
	if ((*slot)->position != position && load_block(r, *slot, position, end, err) < 0) {
		(*slot)->position = 0;
		return NULL;
	}
	return *slot;
}

_Static_assert(META_SLOTS == 1 << (64 - 58), "the hash takes the upper six bits");

int meta_seek(const struct sqfs_image *image, const struct table *table, uint64_t ref,
	struct meta_cursor *cursor, struct error *err)
{
	uint64_t block = ref >> 16;
	uint32_t offset = sqfs_ref_offset(ref);
	/* An offset of the whole block is where the next one begins: so end lists that fill their block. */
	if (block >= table->end - table->start || offset > SQFS_METADATA_SIZE)
		return image_corrupt(image, err, "a reference leads outside its table");
	*cursor = (struct meta_cursor){ table->start + block, offset, table->end };
	return 0;
}

int meta_read(struct sqfs_reader *r, struct meta_cursor *cursor, void *buf, size_t len, struct error *err)
{
	uint8_t *out = buf;
	while (len > 0) {
		const struct meta_block *block = get_block(r, cursor->block, cursor->end, err);
		if (block == NULL)
			return -1;
		if (cursor->offset >= block->len) {
			if (cursor->offset > block->len)
				return image_corrupt(
					r->image, err, "a reference leads beyond its table block");
			cursor->block = block->next;
			cursor->offset = 0;
			continue;
		}
		size_t n = MIN(len, (size_t)(block->len - cursor->offset));
		if (out != NULL) {
			memcpy(out, block->data + cursor->offset, n);
			out += n;
		}
		cursor->offset += (uint32_t)n;
		len -= n;
	}
	return 0;
}

int meta_lookup(struct sqfs_reader *r, const struct lookup_table *table, uint32_t index, void *entry,
	struct error *err)
{
	if (index >= table->entries)
		return image_corrupt(
			r->image, err, "index %u in a table of %u entries", index, table->entries);
	/* Entry sizes divide the size of a block. */
	uint64_t at = (uint64_t)index * table->entry_size;
	struct meta_cursor cursor = { table->blocks[at / SQFS_METADATA_SIZE],
		(uint32_t)(at % SQFS_METADATA_SIZE), table->end };
	return meta_read(r, &cursor, entry, table->entry_size, err);
}
