/*
 * tests/unit/layer/described.h - an archive as text, for the tests of the tar reader
 */
#pragma once

#include "../unit.h"

#include <inttypes.h>

#include "base/str.h"
#include "layer/tar.h"
#include "layer/tar_private.h"
#include "tarball.h"

struct pieces {
	const char *data;
	size_t len, step;
};

static inline int next_piece(void *ctx, const uint8_t **data, size_t *len, struct error *err)
{
	struct pieces *p = ctx;
	*data = (const uint8_t *)p->data;
	*len = MIN(p->len, p->step);
	p->data += *len;
	p->len -= *len;
	return 0;
}

/* "path:type:size:mode:mtime" and, behind "->" the link, behind "=" the data with holes as '.'. */
static inline void describe_entry(
	struct tar_reader *r, const struct tar_entry *e, struct memory_sink *sink, struct buffer *out)
{
	static const char letters[] = "fdlhpD";
	if (out->len != 0)
		buffer_putc(out, ' ');
	buffer_printf(out, "%.*s:%c:%" PRIu64 ":%o:%u", (int)e->path_len, e->path, letters[e->type], e->size,
		e->mode, e->mtime);
	if (e->type == TAR_SYMLINK || e->type == TAR_HARDLINK)
		buffer_printf(out, "->%.*s", (int)e->link_len, e->link);
	for (size_t i = 0; i < e->xattr_count; i++)
		buffer_printf(out, ",%s=%.*s", e->xattrs[i].name, (int)e->xattrs[i].value_len,
			(const char *)e->xattrs[i].value);
}

static inline char *describe(const struct buffer *tar, size_t step, bool data)
{
	struct pieces p = { tar->data, tar->len, step };
	struct tar_source source = { &p, next_piece };
	struct tar_reader *r = tar_reader_new(&source);
	struct memory_sink memory = { 0 };
	struct layer_sink sink = memory_layer_sink(&memory);
	struct buffer out = BUFFER_INIT;
	struct tar_entry e;
	_cleanup_error_ struct error err = ERROR_INIT;
	uint32_t id;
	int rc;
	while ((rc = tar_reader_next(r, &e, &err)) > 0) {
		describe_entry(r, &e, &memory, &out);
		if (!data || e.type != TAR_FILE || e.size > 4096)
			continue;
		memory_begin(&memory, &(struct tree_file){ .size = e.size }, &err);
		if ((rc = tar_reader_data(r, &sink, &err)) < 0 || (rc = memory_end(&memory, &id, &err)) < 0)
			break;
		struct buffer *f = &memory.files[id];
		for (size_t i = 0; i < f->len; i++)
			if (f->data[i] == '\0')
				f->data[i] = '.';
		buffer_printf(&out, "=%s", f->len ? f->data : "");
	}
	if (rc < 0)
		buffer_printf(&out, "%sERROR %s", out.len ? " " : "", err.message);
	memory_sink_cleanup(&memory);
	tar_reader_free(r);
	return buffer_steal(&out);
}

/* However the bytes are cut into pieces, and whether or not the data are read. */
static inline void expect(struct buffer *tar, const char *want)
{
	static const size_t steps[] = { SIZE_MAX, 512, 513, 7, 1 };
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		_cleanup_free_ char *got = describe(tar, steps[i], true);
		assert_string_equal(got, want);
	}
	buffer_cleanup(tar);
}

static inline void expect_error(struct buffer *tar, const char *part)
{
	_cleanup_free_ char *got = describe(tar, SIZE_MAX, true), *again = describe(tar, 11, false);
	if (strstr(got, "ERROR") == NULL || strstr(got, part) == NULL)
		fail_msg("got \"%s\", want an error with \"%s\"", got, part);
	assert_non_null(strstr(again, "ERROR"));
	buffer_cleanup(tar);
}

static inline char *last_header(struct buffer *b)
{
	return b->data + b->len - 512;
}
