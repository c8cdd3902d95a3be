/* tests/unit/layer/tarball.h - tars made in memory, good and bad ones, and a sink that remembers bytes */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "layer/layer.h"

struct item {
	char type;               /* as in a tar; 0 ends a list */
	const char *path, *data; /* the text of a file, the target of a link */
	unsigned mode;           /* 0: 0644, directories 0755 */
	unsigned mtime;
};

static inline void tar_fix_checksum(char *h)
{
	unsigned sum = 0;
	memset(h + 148, ' ', 8);
	for (int i = 0; i < 512; i++)
		sum += (unsigned char)h[i];
	snprintf(h + 148, 8, "%06o", sum & 0777777);
}

/* A ustar header. SIZE goes into the size field only. */
static inline void tar_header(struct buffer *b, char type, const char *path, const char *link,
	unsigned long long size, unsigned mode, unsigned mtime)
{
	char h[512] = { 0 };
	memcpy(h, path, strnlen(path, 100));
	snprintf(h + 100, 8, "%07o", mode & 07777777);
	snprintf(h + 108, 8, "%07o", 0u);
	snprintf(h + 116, 8, "%07o", 0u);
	snprintf(h + 124, 12, "%011llo", size & 077777777777);
	snprintf(h + 136, 12, "%011llo", 0ull + mtime);
	h[156] = type;
	if (link != NULL)
		memcpy(h + 157, link, strnlen(link, 100));
	memcpy(h + 257, "ustar\00000", 8);
	tar_fix_checksum(h);
	buffer_append(b, h, sizeof(h));
}

static inline void tar_pad(struct buffer *b)
{
	static const char zeros[512];
	buffer_append(b, zeros, (size_t)(-b->len & 511));
}

static inline void tar_body(struct buffer *b, const void *data, size_t len)
{
	buffer_append(b, data, len);
	tar_pad(b);
}

static inline void tar_end(struct buffer *b)
{
	static const char zeros[1024];
	buffer_append(b, zeros, sizeof(zeros));
}

/* An extended header of COUNT records "KEY=VALUE" of LEN bytes each. */
static inline void tar_pax(struct buffer *b, char type, const char *const *records)
{
	_cleanup_buffer_ struct buffer body = BUFFER_INIT;
	for (; *records != NULL; records++) {
		size_t len = strlen(*records) + 3;
		while (snprintf(NULL, 0, "%zu", len) + strlen(*records) + 2 != len)
			len = (size_t)snprintf(NULL, 0, "%zu", len) + strlen(*records) + 2;
		buffer_printf(&body, "%zu %s\n", len, *records);
	}
	tar_header(b, type, "PaxHeader", NULL, body.len, 0644, 0);
	tar_body(b, body.data, body.len);
}

#define PAX(b, ...) tar_pax(b, 'x', (const char *const[]){ __VA_ARGS__, NULL })

static inline void tar_item(struct buffer *b, const struct item *i)
{
	bool has_data = i->type == '0' && i->data != NULL;
	unsigned mode = i->mode != 0 ? i->mode : i->type == '5' ? 0755 : 0644;
	if (strlen(i->path) > 100 || (!has_data && i->data != NULL && strlen(i->data) > 100)) {
		_cleanup_free_ char *path = xasprintf("path=%s", i->path);
		_cleanup_free_ char *link =
			xasprintf("linkpath=%s", has_data || i->data == NULL ? "" : i->data);
		PAX(b, path, link);
	}
	tar_header(b, i->type, i->path, has_data ? NULL : i->data, has_data ? strlen(i->data) : 0, mode,
		i->mtime);
	if (has_data)
		tar_body(b, i->data, strlen(i->data));
}

static inline void tar_items(struct buffer *b, const struct item *items)
{
	for (; items->type != 0; items++)
		tar_item(b, items);
	tar_end(b);
}

/* An input over bytes in memory, STEP at most at a time. */
struct memory_input {
	const char *data;
	size_t len, step;
};

static inline int memory_read(void *ctx, void *buf, size_t len, size_t *got, struct error *err)
{
	struct memory_input *m = ctx;
	*got = len < m->len ? len : m->len;
	if (m->step != 0 && *got > m->step)
		*got = m->step;
	memcpy(buf, m->data, *got);
	m->data += *got;
	m->len -= *got;
	return 0;
}

/* Remembers what it was given; ids count from 0. */
struct memory_sink {
	struct buffer *files;
	size_t count, capacity;
	uint64_t expected;
	bool discard;
};

static inline int memory_begin(void *ctx, const struct tree_file *file, struct error *err)
{
	struct memory_sink *s = ctx;
	grow_array(&s->files, &s->capacity, s->count + 1);
	s->files[s->count++] = BUFFER_INIT;
	s->expected = file->size;
	return 0;
}

static inline int memory_data(void *ctx, const void *data, size_t len, struct error *err)
{
	struct memory_sink *s = ctx;
	if (len > s->expected)
		return error_set(err, ERANGE, "sink: too much");
	s->expected -= len;
	if (!s->discard)
		buffer_append(&s->files[s->count - 1], data, len);
	return 0;
}

static inline int memory_hole(void *ctx, uint64_t len, struct error *err)
{
	struct memory_sink *s = ctx;
	if (len > s->expected)
		return error_set(err, ERANGE, "sink: too much");
	s->expected -= len;
	for (; !s->discard && len > 0; len--)
		buffer_putc(&s->files[s->count - 1], '\0');
	return 0;
}

static inline int memory_end(void *ctx, uint32_t *id, struct error *err)
{
	struct memory_sink *s = ctx;
	if (s->expected != 0)
		return error_set(err, ERANGE, "sink: %llu bytes missing", (unsigned long long)s->expected);
	*id = (uint32_t)s->count - 1;
	return 0;
}

static inline struct layer_sink memory_layer_sink(struct memory_sink *s)
{
	return (struct layer_sink){ s, memory_begin, memory_data, memory_hole, memory_end };
}

static inline void memory_sink_cleanup(struct memory_sink *s)
{
	for (size_t i = 0; i < s->count; i++)
		buffer_cleanup(&s->files[i]);
	free(s->files);
}
