#include "squashfs/writer_meta.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"

/* References have 32 bits for the position of a metadata block. */
#define TABLE_MAX (UINT32_MAX - 2 - SQFS_METADATA_SIZE)

struct meta *meta_new(struct sqfs_codec *codec, struct output *out)
{
	struct meta *m = xmalloc(sizeof(*m));
	m->codec = codec;
	m->out = out;
	m->memory = BUFFER_INIT;
	m->bytes = m->used = 0;
	return m;
}

void meta_free(struct meta *m)
{
	if (m == NULL)
		return;
	buffer_cleanup(&m->memory);
	free(m);
}

int meta_flush(struct meta *m, struct error *err)
{
	if (m->used == 0)
		return 0;
	if (m->bytes > TABLE_MAX)
		return error_set(err, EFBIG, "cannot write the image: a table is larger than 4 GiB");
	size_t n = m->codec != NULL ? sqfs_encode(m->codec, m->block, m->used, m->packed + 2) : 0;
	uint16_t header = (uint16_t)n;
	if (n == 0) {
		memcpy(m->packed + 2, m->block, m->used);
		n = m->used;
		header = (uint16_t)(n | SQFS_METADATA_STORED);
	}
	header = htole16(header);
	memcpy(m->packed, &header, sizeof(header));
	m->bytes += 2 + n;
	m->used = 0;
	if (m->out != NULL)
		return output_append(m->out, m->packed, 2 + n, err);
	buffer_append(&m->memory, m->packed, 2 + n);
	return 0;
}

int meta_append(struct meta *m, const void *data, size_t len, struct error *err)
{
	const uint8_t *p = data;
	while (len != 0) {
		size_t n = MIN(len, SQFS_METADATA_SIZE - m->used);
		memcpy(m->block + m->used, p, n);
		m->used += n;
		p += n;
		len -= n;
		if (m->used == SQFS_METADATA_SIZE && meta_flush(m, err) < 0)
			return -1;
	}
	return 0;
}

int meta_emit(struct meta *m, struct output *out, struct error *err)
{
	if (meta_flush(m, err) < 0)
		return -1;
	return output_append(out, m->memory.data, m->memory.len, err);
}

int meta_write_table(struct output *out, struct sqfs_codec *codec, const void *data, size_t len,
	const void *header, size_t header_len, uint64_t *start, struct error *err)
{
	size_t count = (len + SQFS_METADATA_SIZE - 1) / SQFS_METADATA_SIZE;
	_cleanup_free_ uint64_t *list = xreallocarray(NULL, count, sizeof(*list));
	struct meta *m = meta_new(codec, out);
	int r = 0;
	for (size_t i = 0; r == 0 && i < count; i++) {
		size_t done = i * SQFS_METADATA_SIZE;
		list[i] = htole64(out->pos);
		r = meta_append(m, (const uint8_t *)data + done, MIN(len - done, SQFS_METADATA_SIZE), err);
	}
	if (r == 0)
		r = meta_flush(m, err);
	meta_free(m);
	*start = out->pos;
	if (r == 0)
		r = output_append(out, header, header_len, err);
	if (r == 0)
		r = output_append(out, list, count * sizeof(*list), err);
	return r;
}
