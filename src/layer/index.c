#include "layer/index.h"

#include <string.h>
#include <sys/mman.h>
#include <zstd.h>

#include "base/memory.h"

#define BLOCK_SIZE   (32u << 10)  /* of records, before compression */
#define SEGMENT_SIZE (256u << 10) /* of compressed blocks */
#define LEVEL        1

/* Mapped, not from the heap: what a merge has read goes back to the system at once. */
struct segment {
	char *data;
	size_t size, used;
};

struct block_header {
	uint32_t len, compressed_len;
};

struct layer_index {
	struct segment *segments;
	size_t segment_count, segment_capacity;
	uint64_t entries, bytes;
	struct layer_index_facts facts;

	/* while it is written */
	struct buffer block, last_path;
	uint32_t last_mtime;
	ZSTD_CCtx *compressor;
};

struct layer_index *layer_index_new(void)
{
	struct layer_index *index = xcalloc(1, sizeof(*index));
	index->compressor = ZSTD_createCCtx();
	if (index->compressor == NULL)
		abort(); /* out of memory */
	return index;
}

static void free_segment(struct segment *s)
{
	if (s->data != NULL)
		munmap(s->data, s->size);
	s->data = NULL;
}

void layer_index_free(struct layer_index *index)
{
	if (index == NULL)
		return;
	for (size_t i = 0; i < index->segment_count; i++)
		free_segment(&index->segments[i]);
	free(index->segments);
	buffer_cleanup(&index->block);
	buffer_cleanup(&index->last_path);
	ZSTD_freeCCtx(index->compressor);
	free(index);
}

uint64_t layer_index_entries(const struct layer_index *index)
{
	return index->entries;
}

uint64_t layer_index_bytes(const struct layer_index *index)
{
	return index->bytes;
}

struct layer_index_facts *layer_index_facts(struct layer_index *index)
{
	return &index->facts;
}

static char *segment_room(struct layer_index *index, size_t need)
{
	struct segment *s = index->segment_count != 0 ? &index->segments[index->segment_count - 1] : NULL;
	if (s == NULL || need > s->size - s->used) {
		grow_array(&index->segments, &index->segment_capacity, index->segment_count + 1);
		s = &index->segments[index->segment_count++];
		*s = (struct segment){ .size = MAX(need, SEGMENT_SIZE) };
		s->data = mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (s->data == MAP_FAILED)
			xreallocarray(NULL, SIZE_MAX, SIZE_MAX); /* out of memory */
	}
	return s->data + s->used;
}

static void flush_block(struct layer_index *index)
{
	if (index->block.len == 0)
		return;
	size_t bound = ZSTD_compressBound(index->block.len);
	char *room = segment_room(index, sizeof(struct block_header) + bound);
	size_t n = ZSTD_compressCCtx(index->compressor, room + sizeof(struct block_header), bound,
		index->block.data, index->block.len, LEVEL);
	if (ZSTD_isError(n))
		abort(); /* the room is enough: only memory can lack */
	struct block_header header = { (uint32_t)index->block.len, (uint32_t)n };
	memcpy(room, &header, sizeof(header));
	index->segments[index->segment_count - 1].used += sizeof(header) + n;
	index->bytes += sizeof(header) + n;
	index->block.len = 0;
	index->last_path.len = 0; /* a block can be read alone */
	index->last_mtime = 0;
}

void layer_index_finish(struct layer_index *index)
{
	flush_block(index);
	buffer_cleanup(&index->block);
	buffer_cleanup(&index->last_path);
	ZSTD_freeCCtx(index->compressor);
	index->compressor = NULL;
}

static void put_number(struct buffer *b, uint64_t v)
{
	char bytes[10];
	size_t n = 0;
	for (; v >= 0x80; v >>= 7)
		bytes[n++] = (char)(v | 0x80);
	bytes[n++] = (char)v;
	buffer_append(b, bytes, n);
}

static void put_bytes(struct buffer *b, const void *data, size_t len)
{
	put_number(b, len);
	buffer_append(b, data, len);
}

static size_t shared_prefix(const struct buffer *last, const char *path, size_t len)
{
	size_t n = MIN(last->len, len), i = 0;
	while (i < n && last->data[i] == path[i])
		i++;
	return i;
}

/* Small signed differences as small unsigned numbers: 0, -1, 1, -2… */
static uint32_t zigzag(uint32_t difference)
{
	return difference << 1 ^ (0u - (difference >> 31));
}

static uint32_t unzigzag(uint32_t v)
{
	return v >> 1 ^ (0u - (v & 1));
}

size_t layer_index_add(struct layer_index *index, const struct layer_entry *e)
{
	struct buffer *b = &index->block;
	size_t start = b->len, shared = shared_prefix(&index->last_path, e->path, e->path_len);
	bool has_link = e->kind == LAYER_SYMLINK || e->kind == LAYER_HARDLINK;
	buffer_putc(b, (char)((unsigned)e->kind | (e->xattr_count != 0 ? 0x80 : 0)));
	put_number(b, shared);
	put_bytes(b, e->path + shared, e->path_len - shared);
	put_number(b, e->mode);
	put_number(b, zigzag(e->mtime - index->last_mtime));
	if (e->kind == LAYER_FILE) {
		put_number(b, e->size);
		put_number(b, e->data + 1u); /* 0: not written */
	}
	if (has_link)
		put_bytes(b, e->link, e->link_len);
	if (e->xattr_count != 0) {
		put_number(b, e->xattr_count);
		for (size_t i = 0; i < e->xattr_count; i++) {
			put_bytes(b, e->xattrs[i].name, strlen(e->xattrs[i].name) + 1);
			put_bytes(b, e->xattrs[i].value, e->xattrs[i].value_len);
		}
	}
	index->last_mtime = e->mtime;
	index->last_path.len = shared;
	buffer_append(&index->last_path, e->path + shared, e->path_len - shared);
	index->entries++;
	index->facts.has_whiteouts |= e->kind == LAYER_WHITEOUT || e->kind == LAYER_OPAQUE;
	index->facts.has_hardlinks |= e->kind == LAYER_HARDLINK;
	size_t record = b->len - start;
	if (b->len >= BLOCK_SIZE)
		flush_block(index);
	return record;
}

void layer_cursor_init(struct layer_cursor *c, struct layer_index *index, bool consume)
{
	*c = (struct layer_cursor){ .index = index, .consume = consume, .number = UINT64_MAX };
}

void layer_cursor_cleanup(struct layer_cursor *c)
{
	free(c->block);
	buffer_cleanup(&c->path);
	free(c->xattrs);
	ZSTD_freeDCtx(c->decompressor);
	*c = (struct layer_cursor){ 0 };
}

static bool load_block(struct layer_cursor *c)
{
	struct layer_index *index = c->index;
	while (c->segment < index->segment_count && c->offset >= index->segments[c->segment].used) {
		if (c->consume)
			free_segment(&index->segments[c->segment]);
		c->segment++;
		c->offset = 0;
	}
	if (c->segment >= index->segment_count)
		return false;
	const char *at = index->segments[c->segment].data + c->offset;
	struct block_header header;
	memcpy(&header, at, sizeof(header));
	if (c->decompressor == NULL && (c->decompressor = ZSTD_createDCtx()) == NULL)
		abort(); /* out of memory */
	free(c->block);
	c->block = xmalloc(header.len);
	c->block_len = ZSTD_decompressDCtx(
		c->decompressor, c->block, header.len, at + sizeof(header), header.compressed_len);
	if (c->block_len != header.len)
		abort(); /* our own bytes in our own memory */
	c->offset += sizeof(header) + header.compressed_len;
	c->at = 0;
	c->path.len = 0;
	c->mtime = 0;
	return true;
}

static uint64_t get_number(struct layer_cursor *c)
{
	uint64_t v = 0;
	for (unsigned shift = 0;; shift += 7) {
		unsigned char byte = (unsigned char)c->block[c->at++];
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return v;
	}
}

static const char *get_bytes(struct layer_cursor *c, size_t *len)
{
	*len = (size_t)get_number(c);
	const char *s = c->block + c->at;
	c->at += *len;
	return s;
}

static void get_xattrs(struct layer_cursor *c, struct layer_entry *e)
{
	e->xattr_count = (size_t)get_number(c);
	grow_array(&c->xattrs, &c->xattr_capacity, e->xattr_count);
	for (size_t i = 0; i < e->xattr_count; i++) {
		size_t len;
		c->xattrs[i].name = get_bytes(c, &len);
		c->xattrs[i].value = get_bytes(c, &len);
		c->xattrs[i].value_len = (uint32_t)len;
	}
	e->xattrs = c->xattrs;
}

bool layer_cursor_next(struct layer_cursor *c, struct layer_entry *e)
{
	if (c->at == c->block_len && !load_block(c))
		return false;
	*e = (struct layer_entry){ 0 };
	unsigned char kind = (unsigned char)c->block[c->at++];
	e->kind = (enum layer_kind)(kind & 0x7f);
	c->path.len = (size_t)get_number(c);
	size_t len;
	const char *rest = get_bytes(c, &len);
	buffer_append(&c->path, rest, len);
	e->path = c->path.len != 0 ? c->path.data : "";
	e->path_len = c->path.len;
	e->mode = (uint16_t)get_number(c);
	e->mtime = c->mtime += unzigzag((uint32_t)get_number(c));
	if (e->kind == LAYER_FILE) {
		e->size = get_number(c);
		e->data = (uint32_t)get_number(c) - 1u;
	}
	if (e->kind == LAYER_SYMLINK || e->kind == LAYER_HARDLINK)
		e->link = get_bytes(c, &e->link_len);
	if ((kind & 0x80) != 0)
		get_xattrs(c, e);
	c->number++;
	return true;
}
