/* squashfs/reader_data.c - the bytes of files: blocks, holes and fragments */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "squashfs/reader_private.h"

#define KEY_FRAGMENT (1ull << 63)

int sqfs_extents_open(
	struct sqfs_reader *r, const struct sqfs_inode *inode, struct sqfs_extents *it, struct error *err)
{
	struct meta_cursor cursor = { 0 };
	if (inode->file.blocks != 0 &&
		meta_seek(r->image, &r->image->inodes, inode->file.list, &cursor, err) < 0)
		return -1;
	it->list_block = cursor.block;
	it->list_offset = cursor.offset;
	it->block = 0;
	it->blocks = inode->file.blocks;
	it->offset = 0;
	it->size = inode->size;
	it->disk = inode->file.start;
	it->fragment = inode->file.fragment;
	it->within = inode->file.fragment_offset;
	it->fetched = it->used = 0;
	return 0;
}

static int fetch_words(struct sqfs_reader *r, struct sqfs_extents *it, struct error *err)
{
	struct meta_cursor cursor = { it->list_block, it->list_offset, r->image->inodes.end };
	uint32_t count = MIN(it->blocks - it->block, (uint32_t)ARRAY_SIZE(it->words));
	if (meta_read(r, &cursor, it->words, count * sizeof(it->words[0]), err) < 0)
		return -1;
	it->list_block = cursor.block;
	it->list_offset = cursor.offset;
	it->fetched = count;
	it->used = 0;
	return 0;
}

static int next_block(
	struct sqfs_reader *r, struct sqfs_extents *it, struct sqfs_extent *extent, struct error *err)
{
	if (it->used == it->fetched && fetch_words(r, it, err) < 0)
		return -1;
	const struct sqfs_image *image = r->image;
	uint32_t word = le32toh(it->words[it->used++]);
	uint32_t disk_len = word & SQFS_BLOCK_SIZE_MASK;
	if ((word & ~(SQFS_BLOCK_STORED | SQFS_BLOCK_SIZE_MASK)) != 0 || disk_len > image->info.block_size)
		return image_corrupt(image, err, "a file block of %u bytes", word);
	if (disk_len > image->info.bytes - it->disk)
		return image_corrupt(image, err, "file data at %" PRIu64 " lie beyond the end", it->disk);
	extent->kind = disk_len == 0 ? SQFS_EXTENT_HOLE : SQFS_EXTENT_BLOCK;
	extent->stored = (word & SQFS_BLOCK_STORED) != 0;
	extent->disk = it->disk;
	extent->disk_len = disk_len;
	it->disk += disk_len;
	it->block++;
	return 1;
}

int sqfs_extents_next(
	struct sqfs_reader *r, struct sqfs_extents *it, struct sqfs_extent *extent, struct error *err)
{
	if (it->offset >= it->size)
		return 0;
	extent->offset = it->offset;
	extent->len = (uint32_t)MIN(it->size - it->offset, (uint64_t)r->image->info.block_size);
	it->offset += extent->len;
	if (it->block < it->blocks)
		return next_block(r, it, extent, err);
	extent->kind = SQFS_EXTENT_FRAGMENT;
	extent->fragment = it->fragment;
	extent->within = it->within;
	return 1;
}

static uint8_t *packed_buffer(struct sqfs_reader *r)
{
	if (r->packed == NULL)
		r->packed = xmalloc(r->image->info.block_size);
	return r->packed;
}

/* Decode what lies at DISK into OUT of OUT_LEN bytes. Returns the bytes there are. */
static ssize_t decode(struct sqfs_reader *r, uint64_t disk, uint32_t disk_len, bool stored, void *out,
	uint32_t out_len, struct error *err)
{
	ssize_t n = disk_len;
	if (disk_len > r->image->info.block_size || (stored && disk_len > out_len))
		return image_corrupt(r->image, err, "a block of %u bytes at %" PRIu64, disk_len, disk);
	uint8_t *raw = stored ? out : packed_buffer(r);
	if (image_pread(r->image, raw, disk_len, disk, err) < 0)
		return -1;
	if (!stored)
		n = sqfs_decode(r->codec, raw, disk_len, out, out_len);
	if (n <= 0)
		return image_corrupt(r->image, err, "cannot decompress the block at %" PRIu64, disk);
	return n;
}

int sqfs_block_read(struct sqfs_reader *r, const struct sqfs_extent *e, void *out, struct error *err)
{
	ssize_t n = decode(r, e->disk, e->disk_len, e->stored, out, e->len, err);
	if (n < 0)
		return -1;
	if ((uint32_t)n != e->len)
		return image_corrupt(r->image, err, "the block at %" PRIu64 " is too short", e->disk);
	return 0;
}

/* Decode the whole block or fragment that EXTENT lies in. Returns its bytes. */
static ssize_t decode_whole(
	struct sqfs_reader *r, const struct sqfs_extent *e, uint8_t *out, struct error *err)
{
	uint32_t block_size = r->image->info.block_size;
	if (e->kind == SQFS_EXTENT_BLOCK)
		return decode(r, e->disk, e->disk_len, e->stored, out, block_size, err);
	struct sqfs_fragment f;
	if (meta_lookup(r, &r->image->fragments, e->fragment, &f, err) < 0)
		return -1;
	uint32_t word = le32toh(f.size);
	if ((word & ~(SQFS_BLOCK_STORED | SQFS_BLOCK_SIZE_MASK)) != 0)
		return image_corrupt(r->image, err, "fragment %u of %u bytes", e->fragment, word);
	return decode(r, le64toh(f.start), word & SQFS_BLOCK_SIZE_MASK, (word & SQFS_BLOCK_STORED) != 0, out,
		block_size, err);
}

static uint64_t extent_key(const struct sqfs_extent *e)
{
	return e->kind == SQFS_EXTENT_FRAGMENT ? KEY_FRAGMENT | e->fragment : e->disk;
}

/* Point DATA at the extent's bytes inside WHOLE of LEN bytes. */
static int point(struct sqfs_reader *r, const struct sqfs_extent *e, const uint8_t *whole, uint32_t len,
	struct sqfs_data *data, struct error *err)
{
	uint32_t within = e->kind == SQFS_EXTENT_FRAGMENT ? e->within : 0;
	if (within > len || e->len > len - within || (e->kind == SQFS_EXTENT_BLOCK && e->len != len))
		return image_corrupt(r->image, err, "a block or fragment is too short for its file");
	data->bytes = whole + within;
	return 0;
}

/* Through the reader's own last block. */
static int get_last(
	struct sqfs_reader *r, const struct sqfs_extent *e, struct sqfs_data *data, struct error *err)
{
	uint64_t key = extent_key(e);
	if (!r->has_last || r->last_key != key) {
		if (r->last == NULL)
			r->last = xmalloc(r->image->info.block_size);
		r->has_last = false;
		ssize_t n = decode_whole(r, e, r->last, err);
		if (n < 0)
			return -1;
		r->last_key = key;
		r->last_len = (uint32_t)n;
		r->has_last = true;
	}
	return point(r, e, r->last, r->last_len, data, err);
}

int sqfs_data_get(
	struct sqfs_reader *r, const struct sqfs_extent *e, struct sqfs_data *data, struct error *err)
{
	*data = (struct sqfs_data){ 0 };
	struct sqfs_cache *cache = r->image->cache;
	bool fill = false;
	struct cache_slot *slot = cache != NULL ? cache_pin(cache, extent_key(e), &fill) : NULL;
	if (slot == NULL)
		return get_last(r, e, data, err);
	if (fill) {
		ssize_t n = decode_whole(r, e, cache_slot_data(slot), err);
		cache_filled(cache, slot, n < 0 ? 0 : (uint32_t)n);
		if (n < 0) {
			cache_unpin(cache, slot);
			return -1;
		}
	}
	if (point(r, e, cache_slot_data(slot), cache_slot_len(slot), data, err) < 0) {
		cache_unpin(cache, slot);
		return -1;
	}
	data->slot = slot;
	return 0;
}

void sqfs_data_release(struct sqfs_reader *r, struct sqfs_data *data)
{
	if (data->slot != NULL)
		cache_unpin(r->image->cache, data->slot);
	*data = (struct sqfs_data){ 0 };
}

static int read_extent(struct sqfs_reader *r, const struct sqfs_extent *e, char *out, struct error *err)
{
	struct sqfs_data data;
	if (e->kind == SQFS_EXTENT_HOLE) {
		memset(out + e->offset, 0, e->len);
		return 0;
	}
	if (sqfs_data_get(r, e, &data, err) < 0)
		return -1;
	memcpy(out + e->offset, data.bytes, e->len);
	sqfs_data_release(r, &data);
	return 0;
}

char *sqfs_read_file(
	struct sqfs_reader *r, const struct sqfs_inode *inode, size_t max, size_t *len, struct error *err)
{
	struct sqfs_extents it;
	struct sqfs_extent e;
	if (inode->size > max) {
		error_set(err, EFBIG, "%s: a file of %" PRIu64 " bytes is too large", r->image->name,
			inode->size);
		return NULL;
	}
	_cleanup_free_ char *text = xmalloc((size_t)inode->size + 1);
	if (sqfs_extents_open(r, inode, &it, err) < 0)
		return NULL;
	int n;
	while ((n = sqfs_extents_next(r, &it, &e, err)) == 1) {
		if (read_extent(r, &e, text, err) < 0)
			return NULL;
	}
	if (n < 0)
		return NULL;
	text[inode->size] = '\0';
	if (len != NULL)
		*len = (size_t)inode->size;
	return steal_pointer(&text);
}
